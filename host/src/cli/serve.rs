//! `waxwing serve`.

use super::{complain, runtime};
use crate::admin::{Exit, Failure};
use crate::config::Config;
use crate::{StartError, shutdown, telemetry};

/// Runs the server until a signal ends it.
pub(super) fn serve(config: Config) -> Result<(), Failure> {
    telemetry::start_log(&config.log);
    crate::descriptors::raise();
    runtime()?.block_on(async {
        let running = crate::run(config).await.map_err(failure)?;
        complain("ready");
        let requested = shutdown::requested().await;
        if let Err(error) = requested {
            tracing::error!(%error, "signals cannot be listened to; the server ends");
        }
        running.shutdown().await;
        Ok(())
    })
}

fn failure(error: StartError) -> Failure {
    let exit = match &error {
        StartError::Tls(_) | StartError::Dns(_) | StartError::Policy(_) | StartError::Listen(_) => {
            Exit::Configuration
        }
        StartError::Store(waxwing_store::Error::InUse { .. }) => Exit::Temporary,
        StartError::Store(_) | StartError::Data { .. } => Exit::Unavailable,
    };
    Failure::new(exit, error.to_string())
}
