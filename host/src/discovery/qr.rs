//! A link as a picture for cameras: a QR code, as an SVG image and as text for terminals.

use std::fmt::Write as _;

use qrcodegen::{QrCode, QrCodeEcc};

/// The margin that readers need, in modules (ISO/IEC 18004).
const MARGIN: i32 = 4;

fn code(text: &str) -> Option<QrCode> {
    // What is too long for the largest code has none.
    QrCode::encode_text(text, QrCodeEcc::Medium).ok()
}

/// An image, black on white whatever is around it.
pub(crate) fn svg(text: &str) -> Option<String> {
    let code = code(text)?;
    let size = code.size() + 2 * MARGIN;
    let mut dark = String::new();
    for y in 0..code.size() {
        for x in (0..code.size()).filter(|x| code.get_module(*x, y)) {
            let _infallible = write!(dark, "M{} {}h1v1h-1z", x + MARGIN, y + MARGIN);
        }
    }
    Some(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {size} {size}\" width=\"{0}\" height=\"{0}\" shape-rendering=\"crispEdges\" role=\"img\" aria-label=\"QR code\">\
         <rect width=\"{size}\" height=\"{size}\" fill=\"#fff\"/><path d=\"{dark}\" fill=\"#000\"/></svg>\n",
        size * 6
    ))
}

/// Lines for a terminal, two rows of modules in each; light is printed, as most terminals are dark.
pub(crate) fn terminal(text: &str) -> Option<String> {
    let code = code(text)?;
    let mut out = String::new();
    let last = code.size() + MARGIN;
    // Outside of the code all is light.
    let light = |x, y| !code.get_module(x, y);
    for y in (-MARGIN..last).step_by(2) {
        for x in -MARGIN..last {
            out.push(match (light(x, y), y + 1 < last && light(x, y + 1)) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            });
        }
        out.push('\n');
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_show_the_same_code() {
        let text = "https://mx.example.org/apple.mobileconfig?address=alice%40example.org";
        let (image, lines) = (svg(text).unwrap(), terminal(text).unwrap());
        let code = code(text).unwrap();
        let dark = (0..code.size())
            .flat_map(|y| (0..code.size()).map(move |x| (x, y)))
            .filter(|(x, y)| code.get_module(*x, *y))
            .count();
        assert_eq!(image.matches("h1v1h-1z").count(), dark);
        let rows: Vec<Vec<char>> = lines.lines().map(|line| line.chars().collect()).collect();
        let at = |x: i32, y: i32| {
            let (x, y) = (x + MARGIN, y + MARGIN);
            let cell = rows[usize::try_from(y / 2).unwrap()][usize::try_from(x).unwrap()];
            match cell {
                '█' => false,
                '▀' => y % 2 == 1,
                '▄' => y % 2 == 0,
                _ => true,
            }
        };
        for y in 0..code.size() {
            for x in 0..code.size() {
                assert_eq!(at(x, y), code.get_module(x, y), "{x} {y}");
            }
        }
        // The margin is light.
        assert!(rows[0].iter().chain(&rows[1]).all(|cell| *cell == '█'));
        assert!(svg(&"x".repeat(5000)).is_none());
    }
}
