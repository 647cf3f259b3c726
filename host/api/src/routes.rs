//! The paths, each with the one thing it does.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};

use crate::control::{Control, ControlError, ErrorCode};
use crate::metrics;
use crate::types::{DialplanQuery, InstallRequest, ReplayRequest};

/// The API of version 1.
pub(crate) fn router<C: Control>(control: Arc<C>) -> Router {
    Router::new()
        .route("/v1/health", get(health::<C>))
        .route("/v1/wit", get(wit::<C>))
        .route("/v1/reload", post(reload::<C>))
        .route("/v1/calls", get(calls::<C>))
        .route("/v1/calls/{call}", axum::routing::delete(hang_up::<C>))
        .route("/v1/registrations", get(registrations::<C>))
        .route("/v1/dialplan", post(dialplan::<C>))
        .route("/v1/tenants/{tenant}/endpoints/{endpoint}/account", get(account::<C>))
        .route("/v1/plugins", get(all_plugins::<C>))
        .route("/metrics", get(metrics::<C>))
        .route("/v1/tenants/{tenant}/plugins", get(plugins::<C>).post(install::<C>))
        .route("/v1/tenants/{tenant}/plan", post(plan::<C>))
        .route("/v1/tenants/{tenant}/plugins/{id}", get(plugin::<C>).delete(remove::<C>))
        .route("/v1/tenants/{tenant}/plugins/{id}/rollback", post(roll_back::<C>))
        .route("/v1/tenants/{tenant}/plugins/{id}/promote", post(promote::<C>))
        .route("/v1/tenants/{tenant}/plugins/{id}/history", get(history::<C>))
        .route("/v1/tenants/{tenant}/plugins/{id}/tail", get(tail::<C>))
        .route("/v1/tenants/{tenant}/runs", get(runs::<C>))
        .route("/v1/tenants/{tenant}/runs/{call}", get(run::<C>))
        .route("/v1/tenants/{tenant}/replay", post(replay::<C>))
        .fallback(|| async { failure(&ControlError::not_found("there is no such path")) })
        .with_state(control)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfTenant {
    tenant: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Metrics {
    #[serde(default)]
    tenants: bool,
}

/// The longest that a question for news waits: a server that stops waits for it.
const TAIL_WAIT_S_MAX: u64 = 2;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tail {
    #[serde(default)]
    after: u64,
    #[serde(default)]
    wait_s: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RollBack {
    to: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Remove {
    #[serde(default)]
    force: bool,
}

async fn health<C: Control>(State(control): State<Arc<C>>) -> Response {
    Json(control.health().await).into_response()
}

async fn wit<C: Control>(State(control): State<Arc<C>>) -> Response {
    Json(control.wit()).into_response()
}

async fn reload<C: Control>(State(control): State<Arc<C>>) -> Response {
    Json(control.reload().await).into_response()
}

async fn calls<C: Control>(State(control): State<Arc<C>>, Query(of): Query<OfTenant>) -> Response {
    answer(control.calls(of.tenant.as_deref()).await)
}

async fn hang_up<C: Control>(State(control): State<Arc<C>>, Path(call): Path<String>) -> Response {
    answer(control.hang_up(&call).await)
}

async fn registrations<C: Control>(State(control): State<Arc<C>>, Query(of): Query<OfTenant>) -> Response {
    answer(control.registrations(of.tenant.as_deref()).await)
}

async fn dialplan<C: Control>(
    State(control): State<Arc<C>>,
    body: Result<Json<DialplanQuery>, JsonRejection>,
) -> Response {
    match body {
        Ok(Json(query)) => answer(control.dialplan(&query).await),
        Err(rejection) => invalid(&rejection),
    }
}

async fn account<C: Control>(
    State(control): State<Arc<C>>,
    Path((tenant, endpoint)): Path<(String, String)>,
) -> Response {
    answer(control.account(&tenant, &endpoint).await)
}

async fn plugins<C: Control>(State(control): State<Arc<C>>, Path(tenant): Path<String>) -> Response {
    answer(control.plugins(&tenant).await)
}

async fn all_plugins<C: Control>(State(control): State<Arc<C>>, Query(of): Query<OfTenant>) -> Response {
    answer(control.all_plugins(of.tenant.as_deref()).await)
}

/// For Prometheus. Tenants are told apart only where that is asked for: with many of them it makes many series.
async fn metrics<C: Control>(State(control): State<Arc<C>>, Query(Metrics { tenants }): Query<Metrics>) -> Response {
    match control.all_plugins(None).await {
        Ok(plugins) => {
            let kind = [(axum::http::header::CONTENT_TYPE, "text/plain; version=0.0.4")];
            (kind, metrics::text(&plugins, tenants)).into_response()
        }
        Err(error) => failure(&error),
    }
}

async fn plan<C: Control>(
    State(control): State<Arc<C>>,
    Path(tenant): Path<String>,
    body: Result<Json<InstallRequest>, JsonRejection>,
) -> Response {
    match body {
        Ok(Json(request)) => answer(control.plan(&tenant, request).await),
        Err(rejection) => invalid(&rejection),
    }
}

async fn install<C: Control>(
    State(control): State<Arc<C>>,
    Path(tenant): Path<String>,
    body: Result<Json<InstallRequest>, JsonRejection>,
) -> Response {
    match body {
        Ok(Json(request)) => answer(control.install(&tenant, request).await),
        Err(rejection) => invalid(&rejection),
    }
}

async fn plugin<C: Control>(State(control): State<Arc<C>>, Path((tenant, id)): Path<(String, String)>) -> Response {
    answer(control.plugin(&tenant, &id).await)
}

async fn remove<C: Control>(
    State(control): State<Arc<C>>,
    Path((tenant, id)): Path<(String, String)>,
    Query(Remove { force }): Query<Remove>,
) -> Response {
    answer(control.remove(&tenant, &id, force).await)
}

async fn roll_back<C: Control>(
    State(control): State<Arc<C>>,
    Path((tenant, id)): Path<(String, String)>,
    Query(RollBack { to }): Query<RollBack>,
) -> Response {
    answer(control.roll_back(&tenant, &id, to.as_deref()).await)
}

async fn promote<C: Control>(State(control): State<Arc<C>>, Path((tenant, id)): Path<(String, String)>) -> Response {
    answer(control.promote(&tenant, &id).await)
}

async fn history<C: Control>(State(control): State<Arc<C>>, Path((tenant, id)): Path<(String, String)>) -> Response {
    answer(control.history(&tenant, &id).await)
}

async fn tail<C: Control>(
    State(control): State<Arc<C>>,
    Path((tenant, id)): Path<(String, String)>,
    Query(Tail { after, wait_s }): Query<Tail>,
) -> Response {
    let wait = Duration::from_secs(wait_s.min(TAIL_WAIT_S_MAX));
    answer(control.tail(&tenant, &id, after, wait).await)
}

async fn runs<C: Control>(State(control): State<Arc<C>>, Path(tenant): Path<String>) -> Response {
    answer(control.runs(&tenant).await)
}

async fn run<C: Control>(State(control): State<Arc<C>>, Path((tenant, call)): Path<(String, String)>) -> Response {
    answer(control.run(&tenant, &call).await)
}

async fn replay<C: Control>(
    State(control): State<Arc<C>>,
    Path(tenant): Path<String>,
    body: Result<Json<ReplayRequest>, JsonRejection>,
) -> Response {
    match body {
        Ok(Json(request)) => answer(control.replay(&tenant, request).await),
        Err(rejection) => invalid(&rejection),
    }
}

fn answer<T: Serialize>(result: Result<T, ControlError>) -> Response {
    match result {
        Ok(value) => Json(value).into_response(),
        Err(error) => failure(&error),
    }
}

fn invalid(rejection: &JsonRejection) -> Response {
    failure(&ControlError::new(ErrorCode::Invalid, rejection.body_text()))
}

/// Errors are JSON like everything else, so that a client needs one way to read answers.
fn failure(error: &ControlError) -> Response {
    let status = match error.code {
        ErrorCode::Invalid => StatusCode::BAD_REQUEST,
        ErrorCode::NotFound => StatusCode::NOT_FOUND,
        ErrorCode::Refused => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorCode::Conflict => StatusCode::CONFLICT,
        ErrorCode::Failed => StatusCode::INTERNAL_SERVER_ERROR,
    };
    (status, Json(error)).into_response()
}
