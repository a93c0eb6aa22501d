//! What each view shows of message, envelope and session.

use super::*;

#[test]
fn each_view_hides_its_part_whichever_call_asks() {
    use wit::message::{HostMessage, HostPart as _};
    use wit::session::HostConnection as _;
    for sight in Sight::ALL {
        let mut world = World::new();
        world.sight = sight;
        let mut state = world.call(MAIL);
        let state = &mut state;
        let shown = sight.addresses();
        assert_eq!(
            state
                .client_text(Resource::new_borrow(0))
                .unwrap()
                .is_empty(),
            !shown
        );
        assert_eq!(
            state.client(Resource::new_borrow(0)).unwrap().port,
            if shown { 4321 } else { 0 }
        );
        assert_eq!(sender(state).is_some(), shown, "{sight:?}");
        assert_eq!(recipients(state), usize::from(shown));
        let view = || Resource::new_borrow(0);
        let names = state.header_names(view()).unwrap();
        let expected: &[&str] = match sight {
            Sight::All | Sight::Headers => &[
                "From",
                "Received",
                "Subject",
                "Message-ID",
                "MIME-Version",
                "Content-Type",
            ],
            Sight::NoAddresses => &["Subject", "MIME-Version", "Content-Type"],
            Sight::Urls | Sight::AttachmentDigests => &[],
        };
        assert_eq!(names, expected, "{sight:?}");
        for name in ["From", "Received", "Subject"] {
            let may = expected.contains(&name);
            assert_eq!(
                HostMessage::first(state, view(), name.into())
                    .unwrap()
                    .is_some(),
                may
            );
            assert_eq!(
                state
                    .has(view(), vec![name.into(), "X-None".into()])
                    .unwrap(),
                [may, false]
            );
            assert_eq!(
                state.headers(view(), name.into()).unwrap().len(),
                usize::from(may)
            );
        }
        let from = expected.contains(&"From");
        assert_eq!(state.header_at(view(), 0).unwrap().is_some(), from);
        assert_eq!(state.raw_header(view(), 0).unwrap().is_some(), from);
        assert_eq!(
            state.from_addresses(view()).unwrap().len(),
            usize::from(from)
        );
        assert_eq!(state.message_id(view()).unwrap().is_some(), from);
        assert_eq!(
            HostMessage::text(state, view(), 100).unwrap().is_empty(),
            !sight.body()
        );
        let border = state.body_offset(view()).unwrap();
        assert_eq!(
            HostMessage::read(state, view(), 0, 5).unwrap().is_empty(),
            !shown
        );
        assert_eq!(
            HostMessage::read(state, view(), border, 5)
                .unwrap()
                .is_empty(),
            !sight.body()
        );
        let over = HostMessage::read(state, view(), border - 2, 5)
            .unwrap()
            .len();
        assert_eq!(
            over,
            match sight {
                Sight::All => 5,
                Sight::Headers => 2,
                _ => 0,
            }
        );
        let links = state.urls(view(), 10).unwrap().len();
        assert_eq!(
            links,
            match sight {
                Sight::All | Sight::Urls => 2,
                Sight::NoAddresses => 1,
                _ => 0,
            }
        );
        assert_eq!(
            state.tokens(view(), 10).unwrap().is_empty(),
            sight != Sight::All
        );
        assert_eq!(
            HostMessage::sha256(state, view()).unwrap().is_empty(),
            !sight.body()
        );
        let text = state.part(view(), 1).unwrap();
        let zip = state.part(view(), 2).unwrap();
        assert_eq!(text.is_some(), sight.body());
        assert_eq!(
            zip.is_some(),
            sight.body() || sight == Sight::AttachmentDigests
        );
        if let Some(zip) = zip {
            let part = || Resource::new_borrow(zip.rep());
            assert_eq!(state.filename(part()).unwrap().is_some(), sight.body());
            assert_eq!(
                wit::message::HostPart::read(state, part(), 0, 9)
                    .unwrap()
                    .is_empty(),
                !sight.body()
            );
            assert_eq!(
                wit::message::HostPart::sha256(state, part()).unwrap().len(),
                32
            );
        }
        assert!(sight.fits(Hook::Message));
        assert_eq!(sight.fits(Hook::RcptTo), shown);
    }
}
