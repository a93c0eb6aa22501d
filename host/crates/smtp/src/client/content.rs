//! The content, by DATA or in chunks, and the replies to it.
//!
//! Standards: RFC 5321 §3.3, §4.1.1.4; RFC 3030 §2 (chunks); RFC 2033 §4.2 (LMTP: a reply for each recipient);
//! RFC 2920 §3.1 (a DATA that was said before it was known that nobody is left).

use bytes::Bytes;
use waxwing_mail::Reply;

use super::ask::Ask;
use super::config::Protocol;
use super::failure::{Cause, Failure, Fate, Stage};
use super::running::Transfer;
use super::{ClientSession, Expected, Phase};

impl ClientSession {
    pub(super) fn data_answered(&mut self, reply: Reply) {
        let Some(running) = &mut self.running else {
            return self.lost_at(Stage::Data, Cause::Nonsense);
        };
        running.answered = true;
        match reply.code.get() {
            354 if running.accepted.is_empty() => {
                if running.mail_refused {
                    // The peer contradicts itself; what it makes of an empty message is not to be found out.
                    return self.lost_at(Stage::Data, Cause::Nonsense);
                }
                // RFC 2920 §3.1: it would take content for nobody, and is given none.
                self.send(".", Expected::Nothing);
            }
            354 => self.more_content(),
            400.. => {
                self.fail_rest(&Failure {
                    stage: Stage::Data,
                    cause: Cause::Reply(reply),
                });
                self.finish();
            }
            _ => self.lost_at(Stage::Data, Cause::Nonsense),
        }
    }

    /// Asks for the next piece, or ends the content.
    pub(super) fn more_content(&mut self) {
        if !self.input.is_empty() {
            return self.lost_at(Stage::Content, Cause::Nonsense);
        }
        let Some(running) = &self.running else {
            return;
        };
        let left = usize::try_from(running.left()).unwrap_or(usize::MAX);
        let most = left.min(self.config.chunk.max(1));
        if most == 0 {
            return self.piece(&Bytes::new());
        }
        let ask = Ask::Content {
            offset: running.offset,
            most,
        };
        self.ask(ask, Phase::Content(most));
    }

    pub(super) fn content_given(&mut self, most: usize, piece: Bytes) {
        if piece.is_empty() || piece.len() > most {
            // The end was not said: the peer keeps nothing of it.
            return self.lost(Cause::Content);
        }
        if let Some(running) = &mut self.running {
            running.offset += piece.len() as u64;
        }
        self.piece(&piece);
    }

    /// Sends a piece; behind the last, the end.
    fn piece(&mut self, piece: &[u8]) {
        let Some(running) = &mut self.running else {
            return;
        };
        let last = running.left() == 0;
        let mut chunk = Vec::new();
        match &mut running.transfer {
            Transfer::Data(encoder) => {
                encoder.encode(piece, &mut self.output);
                if !last {
                    return self.more_content();
                }
                encoder.finish(&mut self.output);
                return self.await_content();
            }
            Transfer::Chunks(encoder) => {
                encoder.encode(piece, &mut chunk);
                if last {
                    encoder.finish(&mut chunk);
                }
            }
            Transfer::Binary => chunk.extend_from_slice(piece),
        }
        let end = if last { " LAST" } else { "" };
        let command = format!("BDAT {}{end}\r\n", chunk.len());
        self.output.extend_from_slice(command.as_bytes());
        self.output.append(&mut chunk);
        if last {
            self.await_content();
        } else {
            // RFC 3030 §2: each chunk is answered; one that was refused is to be the last.
            self.expect(Expected::Chunk);
        }
    }

    fn await_content(&mut self) {
        match (self.config.protocol, &self.running) {
            (Protocol::Lmtp, Some(running)) => {
                for index in running.accepted.clone() {
                    self.expect(Expected::Content(Some(index)));
                }
            }
            _ => self.expect(Expected::Content(None)),
        }
    }

    pub(super) fn chunk_answered(&mut self, reply: Reply) {
        match reply.code.get() {
            200..=299 => self.more_content(),
            400.. => {
                self.fail_rest(&Failure {
                    stage: Stage::Content,
                    cause: Cause::Reply(reply),
                });
                self.finish();
            }
            _ => self.lost_at(Stage::Content, Cause::Nonsense),
        }
    }

    pub(super) fn content_answered(&mut self, recipient: Option<usize>, reply: Reply) {
        let fate = match reply.code.get() {
            200..=299 => Fate::Taken(reply),
            400.. => Fate::Failed(Failure {
                stage: Stage::Content,
                cause: Cause::Reply(reply),
            }),
            _ => return self.lost_at(Stage::Content, Cause::Nonsense),
        };
        if let Some(running) = &mut self.running {
            let accepted = match recipient {
                Some(index) => vec![index],
                None => running.accepted.clone(),
            };
            for index in accepted {
                running.settle(index, fate.clone());
            }
        }
        // By LMTP there is one for each recipient; what is due behind them is for the next message.
        if !matches!(self.expected.front(), Some(Expected::Content(_))) {
            self.transaction_ended();
        }
    }
}
