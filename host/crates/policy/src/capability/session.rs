//! `session`: the connection.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use ipnet::IpNet;
use wasmtime::Result;
use wasmtime::component::Resource;

use crate::bindings::waxwing::policy::session::{Connection, Host, HostConnection, NoteError};
use crate::bindings::waxwing::policy::types::{Endpoint, Identity, Protocol};
use crate::hook::Hook;
use crate::outcome::MaildropTerms;
use crate::state::State;

use super::types::{from_endpoint, from_identity, from_protocol};

/// The longest that a greeting waits: RFC 5321 §4.5.3.2.1 gives it five minutes, in which policy has to decide, too.
const LONGEST_GREETING_DELAY: Duration = Duration::from_secs(10);
/// What stands for a client that may not be seen.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

impl Host for State {}

impl HostConnection for State {
    fn id(&mut self, _: Resource<Connection>) -> Result<String> {
        self.host_call("session.id", (), |state, ()| {
            Ok(state.connection()?.facts.id.clone())
        })
    }

    fn protocol(&mut self, _: Resource<Connection>) -> Result<Protocol> {
        self.host_call("session.protocol", (), |state, ()| {
            Ok(from_protocol(state.connection()?.facts.protocol))
        })
    }

    fn listener(&mut self, _: Resource<Connection>) -> Result<String> {
        self.host_call("session.listener", (), |state, ()| {
            Ok(state.connection()?.facts.listener.to_string())
        })
    }

    fn client(&mut self, _: Resource<Connection>) -> Result<Endpoint> {
        self.host_call("session.client", (), |state, ()| {
            let client = state.connection()?.facts.client;
            Ok(from_endpoint(if state.sight().addresses() {
                client
            } else {
                NOWHERE
            }))
        })
    }

    fn client_text(&mut self, _: Resource<Connection>) -> Result<String> {
        self.host_call("session.client-text", (), |state, ()| {
            let client = state.connection()?.client();
            Ok(if state.sight().addresses() {
                client.to_string()
            } else {
                String::new()
            })
        })
    }

    fn local(&mut self, _: Resource<Connection>) -> Result<Endpoint> {
        self.host_call("session.local", (), |state, ()| {
            Ok(from_endpoint(state.connection()?.facts.local))
        })
    }

    fn helo(&mut self, _: Resource<Connection>) -> Result<Option<String>> {
        self.host_call("session.helo", (), |state, ()| {
            Ok(state
                .connection()?
                .state()
                .helo
                .as_deref()
                .filter(|_| state.sight().addresses())
                .map(str::to_owned))
        })
    }

    fn is_esmtp(&mut self, _: Resource<Connection>) -> Result<bool> {
        self.host_call("session.is-esmtp", (), |state, ()| {
            Ok(state.connection()?.state().esmtp)
        })
    }

    fn is_tls(&mut self, _: Resource<Connection>) -> Result<bool> {
        self.host_call("session.is-tls", (), |state, ()| {
            Ok(state.connection()?.state().tls.is_some())
        })
    }

    fn tls_version(&mut self, _: Resource<Connection>) -> Result<Option<String>> {
        self.host_call("session.tls-version", (), |state, ()| {
            Ok(state
                .connection()?
                .state()
                .tls
                .as_ref()
                .map(|tls| tls.version.clone()))
        })
    }

    fn tls_cipher(&mut self, _: Resource<Connection>) -> Result<Option<String>> {
        self.host_call("session.tls-cipher", (), |state, ()| {
            Ok(state
                .connection()?
                .state()
                .tls
                .as_ref()
                .map(|tls| tls.cipher.clone()))
        })
    }

    fn tls_server_name(&mut self, _: Resource<Connection>) -> Result<Option<String>> {
        self.host_call("session.tls-server-name", (), |state, ()| {
            Ok(state
                .connection()?
                .state()
                .tls
                .as_ref()
                .and_then(|tls| tls.server_name.clone()))
        })
    }

    fn identity(&mut self, _: Resource<Connection>) -> Result<Option<Identity>> {
        self.host_call("session.identity", (), |state, ()| {
            Ok(state
                .connection()?
                .state()
                .identity
                .as_ref()
                .filter(|_| state.sight().addresses())
                .map(from_identity))
        })
    }

    fn age_ms(&mut self, _: Resource<Connection>) -> Result<u64> {
        self.host_call("session.age-ms", (), |state, ()| {
            Ok(
                u64::try_from(state.connection()?.started.elapsed().as_millis())
                    .unwrap_or(u64::MAX),
            )
        })
    }

    fn counter(&mut self, _: Resource<Connection>, name: String) -> Result<u64> {
        self.host_call("session.counter", name, |state, name| {
            Ok(state.connection()?.state().counters.named(name))
        })
    }

    fn delay_greeting(&mut self, _: Resource<Connection>, milliseconds: u32) -> Result<()> {
        self.host_call(
            "session.delay-greeting",
            milliseconds,
            |state, milliseconds| {
                let wish =
                    Duration::from_millis((*milliseconds).into()).min(LONGEST_GREETING_DELAY);
                let delay = &mut state.effects.greeting_delay;
                *delay = wish.max(*delay);
                Ok(())
            },
        )
    }

    fn tell_maildrop(
        &mut self,
        _: Resource<Connection>,
        expire_days: Option<u32>,
        login_delay: u32,
    ) -> Result<()> {
        let told = MaildropTerms {
            expire_days,
            login_delay,
        };
        let asked = (expire_days, login_delay);
        self.host_call("session.tell-maildrop", asked, |state, _| {
            state.effects.maildrop = state.effects.maildrop.with(told);
            Ok(())
        })
    }

    fn pass_ahead(&mut self, _: Resource<Connection>, hooks: Vec<String>) -> Result<()> {
        self.host_call("session.pass-ahead", hooks, |state, hooks| {
            let hooks = hooks.iter().filter_map(|name| Hook::parse(name));
            state.effects.passing.extend(hooks);
            Ok(())
        })
    }

    fn client_in(&mut self, _: Resource<Connection>, networks: Vec<String>) -> Result<bool> {
        self.host_call("session.client-in", networks, |state, networks| {
            let client = state.connection()?.client();
            if !state.sight().addresses() {
                return Ok(false);
            }
            Ok(networks
                .iter()
                .any(|network| match network.parse::<IpNet>() {
                    Ok(network) => network.contains(&client),
                    Err(_) => network.parse() == Ok(client),
                }))
        })
    }

    fn note(&mut self, _: Resource<Connection>, key: String) -> Result<Option<Vec<u8>>> {
        self.host_call("session.note", key, |state, key| {
            Ok(state
                .connection()?
                .state()
                .notes
                .get(state.notes_of(), key)
                .map(<[u8]>::to_vec))
        })
    }

    fn set_note(
        &mut self,
        _: Resource<Connection>,
        key: String,
        value: Vec<u8>,
    ) -> Result<std::result::Result<(), NoteError>> {
        self.host_call("session.set-note", (key, value), |state, (key, value)| {
            let kept = state
                .connection()?
                .state()
                .notes
                .set(&state.notes_of().clone(), key, value);
            Ok(if kept { Ok(()) } else { Err(NoteError::Limit) })
        })
    }

    fn drop(&mut self, _: Resource<Connection>) -> Result<()> {
        Ok(())
    }
}
