//! Lists what Vite built of `host/web` for `lib.rs` to hold: each file, compressed and not, with the headers that it is served with.
//!
//! Where nothing was built the list is empty: the server can be compiled without Node.js, and says at `/mail` how the page is built.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::{env, fs};

use serde_json::Value;

/// Headers by the beginnings of paths, written by Vite's build; served to nobody.
const HEADERS: &str = "headers.json";

fn main() -> Result<(), Box<dyn Error>> {
    let web = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../../web");
    let dist = web.join("dist");
    let built = dist.join("index.html").is_file();
    // Of what is missing cargo thinks that it has changed, each time.
    let watched = if built { &dist } else { &web };
    println!("cargo::rerun-if-changed={}", watched.display());
    println!("cargo::rerun-if-changed=build.rs");
    let mut list = String::from("&[\n");
    if built {
        let headers: BTreeMap<String, Value> =
            serde_json::from_slice(&fs::read(dist.join(HEADERS))?)?;
        for path in paths(&dist)? {
            list += &entry(&dist, &path, &headers)?;
        }
    }
    list += "]";
    let out = PathBuf::from(env::var("OUT_DIR")?).join("files.rs");
    fs::write(out, list)?;
    Ok(())
}

/// The files that are served under their own name, in order.
fn paths(dist: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let (mut found, mut folders) = (Vec::new(), vec![dist.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(dist)?.to_str().ok_or("a name in UTF-8")?;
            let compressed = name.ends_with(".br") || name.ends_with(".gz");
            if !compressed && name != HEADERS {
                found.push(name.to_owned());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// A file as an expression of Rust.
fn entry(
    dist: &Path,
    path: &str,
    headers: &BTreeMap<String, Value>,
) -> Result<String, Box<dyn Error>> {
    let mut text = format!(
        "File {{ path: {path:?}, kind: {:?}, headers: &[",
        kind(path)?
    );
    // Of several beginnings that fit, the longest.
    let fitting = headers
        .iter()
        .filter(|(prefix, _)| path.starts_with(prefix.as_str()))
        .max_by_key(|(prefix, _)| prefix.len());
    let fields = fitting.and_then(|(_, fields)| fields.as_object());
    for (name, value) in fields.ok_or_else(|| format!("{path} has no headers"))? {
        let value = value.as_str().ok_or_else(|| format!("{name} is no text"))?;
        write!(text, "({:?}, {value:?}), ", name.to_ascii_lowercase())?;
    }
    text += "], forms: &[";
    for (coding, ending) in [("br", ".br"), ("gzip", ".gz"), ("identity", "")] {
        let form = dist.join(format!("{path}{ending}"));
        if form.is_file() {
            let mut hasher = DefaultHasher::new();
            (coding, fs::read(&form)?).hash(&mut hasher);
            let tag = format!("\"{:016x}\"", hasher.finish());
            write!(
                text,
                "Form {{ coding: {coding:?}, tag: {tag:?}, octets: include_bytes!({form:?}) }}, "
            )?;
        }
    }
    text += "] },\n";
    Ok(text)
}

/// The media type, by the ending of the name.
fn kind(path: &str) -> Result<&'static str, String> {
    let ending = Path::new(path)
        .extension()
        .and_then(|ending| ending.to_str());
    Ok(match ending {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("txt") => "text/plain; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("webmanifest") => "application/manifest+json",
        _ => return Err(format!("the media type of {path} is not known")),
    })
}
