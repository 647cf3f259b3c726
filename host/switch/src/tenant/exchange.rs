//! The way of a tenant's channel drivers into its calls.

use std::sync::{Arc, OnceLock, Weak};

use bytes::Bytes;
use call::{Hops, Party};
use plugin::{Driver, LineOffer, LineRefusal};

use super::Tenant;
use crate::call_task::{Full, Offered, Start};
use crate::line;
use crate::shared::{Clock, Shared};

/// What calls of a tenant need to begin. The tenant comes to it once it is there: its plugins are there before.
pub(crate) struct Exchange {
    shared: Weak<Shared>,
    tenant: Arc<OnceLock<Weak<Tenant>>>,
    pub(crate) clock: Clock,
}

impl Exchange {
    pub(crate) fn new(shared: &Arc<Shared>, tenant: Arc<OnceLock<Weak<Tenant>>>) -> Self {
        Self { shared: Arc::downgrade(shared), tenant, clock: shared.clock }
    }

    /// A party of a driver's network calls. Who may be called is the dialplan's decision, in the context that the tenant's file gives the
    /// driver, as for a trunk (hostile E3).
    pub(crate) fn offer_line(&self, driver: Driver, offer: LineOffer) -> Result<String, LineRefusal> {
        let tenant = self.tenant.get().and_then(Weak::upgrade);
        let (Some(shared), Some(tenant)) = (self.shared.upgrade(), tenant) else {
            return Err(LineRefusal::Denied("there are no calls now".into()));
        };
        let context = tenant.definition().channel_contexts.get(driver.id()).cloned().ok_or_else(|| {
            let key = format!("channel-context below [plugins.{}]", driver.id());
            LineRefusal::Denied(format!("the tenant's file does not say where its calls begin: {key}"))
        })?;
        let hops = offer.because.as_deref().map(|because| shared.lines.hops(&driver, because).ok_or(LineRefusal::Gone));
        let hops = hops.transpose()?.unwrap_or_default();
        let left = hops.max_forwards.checked_sub(1);
        let hops = Hops {
            max_forwards: left.ok_or_else(|| LineRefusal::Limit("the call goes round and round".into()))?,
            ..hops
        };
        let description = line::checked(offer.description)?;
        let session = shared.lines.new_session();
        let full = |_| LineRefusal::Limit("the driver has as many lines as it may".into());
        shared.offer_line(session, &driver, hops).map_err(full)?;
        let offered = Offered {
            session,
            endpoint: None,
            context,
            caller: Party::new(offer.name, offer.number),
            dialed: offer.to,
            hops,
            offer: description,
            // No packet may come from where signalling does: there is no such place.
            source: std::net::Ipv4Addr::UNSPECIFIED.into(),
            dialog: Bytes::from(line::id(session)),
            takes_info: false,
        };
        match crate::call_task::spawn(&shared, &tenant, Start::Offered(Box::new(offered))) {
            Ok(_) => Ok(line::id(session)),
            Err(full) => {
                shared.forget_line(session);
                Err(refusal(full))
            }
        }
    }
}

fn refusal(full: Full) -> LineRefusal {
    LineRefusal::Limit(full.to_string())
}
