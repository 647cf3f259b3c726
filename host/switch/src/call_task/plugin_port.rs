//! The call as a plugin sees it: every host call becomes a message to the call's task.

use std::sync::Arc;

use call::{CallId, LegId, Outcome, Request, RequestError};
use plugin::{AppSlot, BoxFuture, CallPort, Chooser, FunctionCall};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::message::{AppResult, DialplanVerb, Inbox, Message};
use crate::limit;
use crate::tenant::Tenant;

/// What a run holds of its call. The call may end at any time: everything answers `gone` then.
pub(super) struct Port {
    call: CallId,
    inbox: Inbox,
    tenant: Arc<Tenant>,
    /// Cancelled when the leg is over.
    gone: CancellationToken,
    chooser: Chooser,
    /// How many applications run this one.
    depth: u8,
}

impl Port {
    pub(super) fn new(
        call: CallId,
        inbox: Inbox,
        tenant: Arc<Tenant>,
        gone: CancellationToken,
        chooser: Chooser,
    ) -> Arc<Self> {
        Arc::new(Self { call, inbox, tenant, gone, chooser, depth: 0 })
    }

    /// For what this run runs.
    fn nested(&self) -> Arc<Self> {
        Arc::new(Self {
            call: self.call,
            inbox: self.inbox.clone(),
            tenant: Arc::clone(&self.tenant),
            gone: self.gone.clone(),
            chooser: self.chooser.clone(),
            depth: self.depth + 1,
        })
    }

    async fn verb<T>(&self, leg: LegId, verb: impl FnOnce(oneshot::Sender<T>) -> DialplanVerb) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.inbox.send(Message::Dialplan { leg, verb: verb(reply) }).await.ok()?;
        answer.await.ok()
    }
}

impl CallPort for Port {
    fn name(&self) -> String {
        self.call.to_string()
    }

    fn request(&self, request: Request) -> BoxFuture<'_, Result<Outcome, RequestError>> {
        Box::pin(async move {
            let (reply, answer) = oneshot::channel();
            self.inbox
                .send(Message::Request { request: Box::new(request), reply })
                .await
                .map_err(|_| RequestError::Gone)?;
            answer.await.map_err(|_| RequestError::Gone)?
        })
    }

    fn variable<'a>(&'a self, leg: LegId, name: &'a str) -> BoxFuture<'a, Option<String>> {
        let name = name.to_owned();
        Box::pin(async move { self.verb(leg, |reply| DialplanVerb::Variable { name, reply }).await.flatten() })
    }

    fn set_variable<'a>(
        &'a self,
        leg: LegId,
        name: &'a str,
        value: &'a str,
    ) -> BoxFuture<'a, Result<(), RequestError>> {
        let (name, value) = (name.to_owned(), value.to_owned());
        Box::pin(async move {
            let done = self.verb(leg, |reply| DialplanVerb::SetVariable { name, value, reply }).await;
            done.unwrap_or(Err(RequestError::Gone))
        })
    }

    fn evaluate<'a>(&'a self, leg: LegId, expression: &'a str) -> BoxFuture<'a, Result<String, RequestError>> {
        let text = expression.to_owned();
        Box::pin(async move {
            let done = self.verb(leg, |reply| DialplanVerb::Evaluate { text, reply }).await;
            done.unwrap_or(Err(RequestError::Gone))
        })
    }

    fn run<'a>(
        &'a self,
        leg: LegId,
        application: &'a str,
        arguments: &'a str,
    ) -> BoxFuture<'a, Result<(), RequestError>> {
        Box::pin(async move {
            if self.depth >= limit::NESTED_APPLICATIONS {
                return Err(RequestError::Limit);
            }
            let slot = self.tenant.plugins.app_for(application, &self.chooser).ok_or_else(|| {
                RequestError::Invalid(format!("no plugin of this tenant has the application {application}"))
            })?;
            match run_to_end(slot, leg, arguments.to_owned(), self.nested()).await {
                AppResult::Done => Ok(()),
                AppResult::Failed { status, message } => Err(RequestError::Failed(format!("{status}: {message}"))),
                AppResult::Unknown => Err(RequestError::Unsupported),
            }
        })
    }

    fn read_function<'a>(
        &'a self,
        leg: LegId,
        name: &'a str,
        arguments: Vec<String>,
    ) -> BoxFuture<'a, Result<String, RequestError>> {
        Box::pin(async move {
            let slot =
                self.tenant.plugins.function_for(name, &self.chooser).ok_or_else(|| {
                    RequestError::Invalid(format!("no plugin of this tenant has the function {name}"))
                })?;
            let call = FunctionCall { leg, port: self.nested() };
            // On a stack of its own: this one is a guest's.
            match tokio::spawn(slot.read(arguments, Some(call))).await {
                Ok(Ok(Ok(value))) => Ok(value),
                Ok(Ok(Err(error))) => Err(RequestError::Failed(error.to_string())),
                Ok(Err(error)) => Err(RequestError::Failed(error.to_string())),
                Err(join) => Err(RequestError::Failed(join.to_string())),
            }
        })
    }

    fn goto<'a>(
        &'a self,
        leg: LegId,
        context: Option<&'a str>,
        extension: Option<&'a str>,
        priority: &'a str,
    ) -> BoxFuture<'a, Result<(), RequestError>> {
        let (context, extension) = (context.map(str::to_owned), extension.map(str::to_owned));
        let priority = priority.to_owned();
        Box::pin(async move {
            let verb = |reply| DialplanVerb::Goto { context, extension, priority, reply };
            self.verb(leg, verb).await.unwrap_or(Err(RequestError::Gone))
        })
    }

    fn gone(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.gone.cancelled())
    }
}

/// Runs an application and says how it ended.
pub(super) async fn run_to_end(slot: AppSlot, leg: LegId, arguments: String, port: Arc<Port>) -> AppResult {
    match slot.run(leg, arguments, port).await {
        Ok(Ok(())) => AppResult::Done,
        // The caller hung up while the application waited for it: that is how most runs end.
        Ok(Err(error)) if error.code == RequestError::Gone.code() => AppResult::Done,
        Ok(Err(error)) => AppResult::Failed { status: "FAILED".to_owned(), message: error.to_string() },
        Err(error) => AppResult::Failed { status: error.status().to_owned(), message: error.to_string() },
    }
}
