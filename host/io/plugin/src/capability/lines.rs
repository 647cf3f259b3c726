//! `lines`: legs that a channel driver has instead of SIP.

use std::sync::Arc;

use wasmtime::component::Resource;

use super::{Options, error, invalid, limit};
use crate::abi::v0_1::Error;
use crate::abi::v0_1::app::jackfield::pbx::lines::{Host, HostLine};
use crate::instance::{Run, State};
use crate::limit::{LINE_DESCRIPTION_BYTES, LINE_NUMBER_BYTES};
use crate::port::{LineOffer, LinePort, LineRefusal};
use crate::tenant::Deployment;

/// What a guest's line handle stands for: its id, looked up among the driver's own.
#[allow(unreachable_pub, reason = "the generated bindings name it in public positions")]
pub struct Handle(String);

type Answer<T> = wasmtime::Result<Result<T, Error>>;

impl From<LineRefusal> for Error {
    fn from(refused: LineRefusal) -> Self {
        let code = match refused {
            LineRefusal::Gone => "gone",
            LineRefusal::Invalid(_) => "invalid",
            LineRefusal::Denied(_) => "denied",
            LineRefusal::Limit(_) => "limit",
            LineRefusal::Unsupported(_) => "unsupported",
        };
        error(code, refused.to_string())
    }
}

fn check_description(description: &str) -> Result<(), Error> {
    match description.len() {
        bytes if bytes > LINE_DESCRIPTION_BYTES => {
            Err(limit(format!("a description of {bytes} bytes: at most {LINE_DESCRIPTION_BYTES}")))
        }
        _ => Ok(()),
    }
}

impl State {
    /// The driver's deployment: lines are its service's, so that one part of it knows them all.
    fn drives(&self) -> Result<Arc<Deployment>, Error> {
        match self.run {
            Run::Service => self.deployment(),
            Run::Trial | Run::App { .. } | Run::Function { .. } | Run::Strategy { .. } => {
                Err(error("denied", "only a service has lines"))
            }
        }
    }

    fn line(&mut self, line: &Resource<Handle>) -> wasmtime::Result<Result<Arc<dyn LinePort>, Error>> {
        self.enter()?;
        let id = self.table.get(line)?.0.clone();
        Ok(self.drives().and_then(|deployment| Ok(deployment.line(&id).ok_or(LineRefusal::Gone)?)))
    }
}

impl Host for State {
    async fn offer(
        &mut self,
        to: String,
        description: String,
        opts: Vec<(String, String)>,
    ) -> Answer<Resource<Handle>> {
        self.enter()?;
        let offered = self.offer_line(to, description, &opts);
        Ok(match offered {
            Ok(id) => Ok(self.table.push(Handle(id))?),
            Err(refused) => Err(refused),
        })
    }

    async fn find(&mut self, id: String) -> wasmtime::Result<Option<Resource<Handle>>> {
        self.enter()?;
        let known = self.drives().is_ok_and(|deployment| deployment.line(&id).is_some());
        Ok(if known { Some(self.table.push(Handle(id))?) } else { None })
    }
}

impl State {
    fn offer_line(&self, to: String, description: String, opts: &[(String, String)]) -> Result<String, Error> {
        let options = Options::new(opts, &["caller.number", "caller.name", "because"], None)?;
        let text = |name| options.get(name).unwrap_or_default().to_owned();
        let (number, name) = (text("caller.number"), text("caller.name"));
        for (what, text) in [("a number", &to), ("caller.number", &number), ("caller.name", &name)] {
            if text.len() > LINE_NUMBER_BYTES || text.chars().any(char::is_control) {
                return Err(invalid(format!("{what} has at most {LINE_NUMBER_BYTES} bytes and no control characters")));
            }
        }
        if to.is_empty() {
            return Err(invalid("nobody is called"));
        }
        check_description(&description)?;
        let deployment = self.drives()?;
        let driver = deployment.driver().ok_or_else(|| error("unsupported", "this plugin has no service"))?;
        let tenant = self.tenant().ok_or_else(|| error("denied", "not now"))?;
        let because = options.get("because").map(str::to_owned);
        Ok(tenant.offer_line(driver, LineOffer { to, number, name, description, because })?)
    }
}

impl HostLine for State {
    async fn id(&mut self, line: Resource<Handle>) -> wasmtime::Result<String> {
        self.enter()?;
        Ok(self.table.get(&line)?.0.clone())
    }

    async fn ring(&mut self, line: Resource<Handle>) -> Answer<()> {
        Ok(self.line(&line)?.and_then(|line| Ok(line.ring()?)))
    }

    async fn progress(&mut self, line: Resource<Handle>, description: String) -> Answer<()> {
        let line = self.line(&line)?;
        Ok(check_description(&description).and(line).and_then(|line| Ok(line.progress(description)?)))
    }

    async fn answer(&mut self, line: Resource<Handle>, description: String) -> Answer<()> {
        let line = self.line(&line)?;
        Ok(check_description(&description).and(line).and_then(|line| Ok(line.answer(description)?)))
    }

    async fn hang_up(&mut self, line: Resource<Handle>, cause: u16) -> wasmtime::Result<()> {
        if let Ok(line) = self.line(&line)? {
            line.hang_up(cause);
        }
        Ok(())
    }

    async fn drop(&mut self, line: Resource<Handle>) -> wasmtime::Result<()> {
        self.table.delete(line)?;
        Ok(())
    }
}
