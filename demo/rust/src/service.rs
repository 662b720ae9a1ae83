//! The service: axum's routes around the handlers.

use std::io;
use std::net::SocketAddr;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use axum::{Json, Router};
use latchwork::Space;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::store::Store;

/// What every handler works with.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    pub(crate) store: Store,
    pub(crate) space: Space,
}

/// A service that runs until it is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    server: JoinHandle<io::Result<()>>,
}

impl Service {
    /// Serves the handler of "duplicate page" on a free port of the loopback interface.
    pub(crate) async fn start(&self, duplicate_page: MethodRouter<Service>) -> io::Result<Running> {
        let routes = Router::new()
            .route("/documents/{name}/pages/{position}/duplicate", duplicate_page)
            .with_state(self.clone());
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let server = tokio::spawn(async { axum::serve(listener, routes).await });
        Ok(Running { address, server })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Why a request could not be answered.
#[derive(Debug)]
pub(crate) struct Failure {
    status: StatusCode,
    why: String,
}

impl Failure {
    pub(crate) fn missing(why: String) -> Failure {
        Failure { status: StatusCode::NOT_FOUND, why }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        let status = match error.kind() {
            io::ErrorKind::NotFound => StatusCode::NOT_FOUND,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Failure { status, why: error.to_string() }
    }
}

impl From<latchwork::Error> for Failure {
    fn from(error: latchwork::Error) -> Failure {
        Failure { status: StatusCode::SERVICE_UNAVAILABLE, why: error.to_string() }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (self.status, Json(json!({ "error": self.why }))).into_response()
    }
}
