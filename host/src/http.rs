//! The metrics listener: `/metrics` for Prometheus, `/healthz` (the process lives) and `/readyz` (it serves).

use std::future::Future;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;

use crate::wiring::Parts;

/// Serves until `end`.
pub(crate) async fn serve(
    listener: TcpListener,
    parts: Arc<Parts>,
    end: impl Future<Output = ()> + Send + 'static,
) {
    let routes = Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .with_state(parts);
    if let Err(error) = axum::serve(listener, routes)
        .with_graceful_shutdown(end)
        .await
    {
        tracing::error!(%error, "the metrics listener ended");
    }
}

async fn metrics(State(parts): State<Arc<Parts>>) -> impl IntoResponse {
    // The text format 0.0.4 of Prometheus.
    (
        [(
            header::CONTENT_TYPE,
            "text/plain; version=0.0.4; charset=utf-8",
        )],
        parts.figures.render(),
    )
}

async fn ready(State(parts): State<Arc<Parts>>) -> (StatusCode, String) {
    match parts.unready().await {
        None => (StatusCode::OK, "ready\n".into()),
        Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
    }
}
