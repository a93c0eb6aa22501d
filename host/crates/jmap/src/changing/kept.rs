//! What the methods of identities and submissions have in common.

use super::ask::Refusal;
use super::sending::{Kept, KeptChange, NotKept, SendAnswer, SendAsk};
use super::set::Outcome;
use crate::ask::{Answer, Ask};
use crate::context::{Context, mistaken};
use crate::error::MethodError;
use crate::id::{IdentityId, SubmissionId};
use crate::methods::Arguments;
use crate::set_error::SetError;
use crate::standard::{Changed, Changes, State};

/// `Identity/changes` and `EmailSubmission/changes` (RFC 8621 §6.2, §7.2).
pub(super) async fn changes(
    kind: Kept,
    changes: Changes,
    context: &Context,
) -> Result<Arguments, MethodError> {
    let account = context.account(&changes.account_id)?.id;
    let (since, most) = (changes.since()?, changes.most()?);
    let ask = SendAsk::Changes {
        account,
        kind,
        since: since.0,
        most,
    };
    let answer = context.ask(Ask::Send(ask)).await?;
    let Answer::Send(SendAnswer::Changes(found)) = answer else {
        return Err(mistaken());
    };
    let found = found.ok_or(MethodError::CannotCalculateChanges)?;
    let ids = |numbers: Vec<u64>| numbers.into_iter().map(|id| written(kind, id)).collect();
    let changed = Changed {
        until: State(found.until),
        more: found.more,
        created: ids(found.created),
        updated: ids(found.updated),
        destroyed: ids(found.destroyed),
    };
    Ok(changed.to_arguments(changes.account_id, since))
}

/// The id of a number.
pub(super) fn written(kind: Kept, number: u64) -> String {
    match kind {
        Kept::Identity => IdentityId(number).to_string(),
        Kept::Submission => SubmissionId(number).to_string(),
    }
}

/// Asks for a change of something that is kept, and books it.
pub(super) async fn change(
    ask: SendAsk,
    outcome: &mut Outcome,
    context: &Context,
) -> Result<Result<KeptChange, SetError>, MethodError> {
    if let Some(stuck) = outcome.stuck() {
        return Ok(stuck);
    }
    let kept = match context.ask(Ask::Send(ask)).await {
        Ok(Answer::Send(SendAnswer::Kept(kept))) => Ok(kept.map_err(refused)),
        Ok(_) => Err(mistaken()),
        Err(error) => Err(error),
    };
    let kept = outcome.step(kept)?;
    Ok(kept.inspect(|change| outcome.went(change.before, change.after)))
}

pub(super) fn refused(not: NotKept) -> SetError {
    match not {
        // RFC 8621 §7.5: it is told how large one may be.
        NotKept::Refused(Refusal::TooLarge(most)) => SetError::TooLarge(Some(most)),
        NotKept::Refused(refusal) => super::placing::refused(refusal, Some("emailId")),
        NotKept::Address(text) | NotKept::Authors(text) => SetError::ForbiddenFrom(text),
        NotKept::Sender(text) => SetError::ForbiddenMailFrom(text),
        NotKept::Parameters(text) => SetError::property("envelope", text),
        NotKept::Recipients(wrong, text) => SetError::InvalidRecipients(wrong, text),
        NotKept::Message(text) => SetError::InvalidEmail(Vec::new(), text),
        NotKept::Sending(text) => SetError::ForbiddenToSend(text),
        NotKept::Gone => SetError::CannotUnsend,
    }
}
