//! `vacation`: what accounts answer while somebody is away.

use wasmtime::Result;

use crate::bindings::waxwing::policy::vacation::{Host, VacationError, VacationResponse};
use crate::services::Vacation;
use crate::state::State;

type Answer<T> = std::result::Result<T, VacationError>;

impl Host for State {
    async fn look_up(&mut self, account: String) -> Result<Answer<VacationResponse>> {
        self.enter()?;
        let services = self.shared.services.clone();
        let answer = match services.vacation(&account).await {
            Ok(vacation) => Ok(response(vacation)),
            Err(error) => Err(VacationError::Unavailable(error.to_string())),
        };
        // Users write private things into these texts; that there is something is enough.
        let told = answer.as_ref().map(|answer| answer.is_enabled);
        self.record("vacation.look-up", &account, &told);
        Ok(answer)
    }

    async fn addresses(&mut self, account: String) -> Result<Answer<Vec<String>>> {
        self.enter()?;
        let services = self.shared.services.clone();
        let answer = match services.addresses(&account).await {
            Ok(addresses) => Ok(addresses),
            Err(error) => Err(VacationError::Unavailable(error.to_string())),
        };
        self.record("vacation.addresses", &account, &answer);
        Ok(answer)
    }
}

fn response(vacation: Vacation) -> VacationResponse {
    VacationResponse {
        is_enabled: vacation.enabled,
        from_unix_ms: vacation.from,
        to_unix_ms: vacation.to,
        subject: vacation.subject,
        text_body: vacation.text,
        html_body: vacation.html,
        version: vacation.version,
    }
}
