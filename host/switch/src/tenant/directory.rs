//! Which tenant a domain, a number or a source network belongs to.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use call::TenantId;
use thiserror::Error;

use super::Tenant;
use super::definition::Definition;

/// All tenants of the host and the names that lead to them. Immutable: a reload makes a new one and swaps it.
#[derive(Default)]
pub struct Directory {
    tenants: BTreeMap<TenantId, Arc<Tenant>>,
    domains: HashMap<String, TenantId>,
    /// Digits to tenant; the longest key that the dialled number begins with wins.
    numbers: BTreeMap<String, (TenantId, String)>,
    longest_number: usize,
}

/// Two tenants that want the same name.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Conflict {
    /// The domain is another tenant's.
    #[error("domain {domain} of tenant {tenant} already belongs to tenant {owner}")]
    Domain {
        /// The domain in question.
        domain: String,
        /// Who wants it.
        tenant: TenantId,
        /// Who has it.
        owner: TenantId,
    },
    /// The number is another tenant's.
    #[error("number {number} of tenant {tenant} already belongs to tenant {owner}")]
    Number {
        /// The number or prefix in question.
        number: String,
        /// Who wants it.
        tenant: TenantId,
        /// Who has it.
        owner: TenantId,
    },
}

impl Directory {
    /// Whether definitions can live beside each other.
    ///
    /// # Errors
    /// The first name that two tenants claim, with its owner (F9).
    pub(crate) fn check(definitions: &[Definition]) -> Result<(), Conflict> {
        let mut directory = Self::default();
        definitions.iter().try_for_each(|definition| directory.claim(definition))
    }

    /// Enters every tenant with its domains and numbers.
    ///
    /// # Errors
    /// The first name that two tenants claim.
    pub fn new(tenants: impl IntoIterator<Item = Arc<Tenant>>) -> Result<Self, Conflict> {
        let mut directory = Self::default();
        for tenant in tenants {
            directory.enter(tenant)?;
        }
        Ok(directory)
    }

    fn enter(&mut self, tenant: Arc<Tenant>) -> Result<(), Conflict> {
        self.claim(&tenant.definition())?;
        self.tenants.insert(tenant.id().clone(), tenant);
        Ok(())
    }

    fn claim(&mut self, definition: &Definition) -> Result<(), Conflict> {
        let id = &definition.id;
        for domain in &definition.domains {
            if let Some(owner) = self.domains.insert(domain.clone(), id.clone()).filter(|owner| owner != id) {
                return Err(Conflict::Domain { domain: domain.clone(), tenant: id.clone(), owner });
            }
        }
        for number in &definition.numbers {
            let entry = (id.clone(), number.context.clone());
            let previous = self.numbers.insert(number.prefix.clone(), entry);
            if let Some((owner, _)) = previous.filter(|(owner, _)| owner != id) {
                return Err(Conflict::Number { number: number.prefix.clone(), tenant: id.clone(), owner });
            }
            self.longest_number = self.longest_number.max(number.prefix.len());
        }
        Ok(())
    }

    /// The tenant of this name.
    pub fn tenant(&self, id: &TenantId) -> Option<&Arc<Tenant>> {
        self.tenants.get(id)
    }

    /// The tenant whose SIP domain this is; upper and lower case are the same (RFC 3261 §19.1.4).
    pub fn by_domain(&self, domain: &str) -> Option<&Arc<Tenant>> {
        let id = match self.domains.get(domain) {
            Some(id) => id,
            None => self.domains.get(&domain.trim_end_matches('.').to_ascii_lowercase())?,
        };
        self.tenants.get(id)
    }

    /// The tenant that owns a public number and the context its calls start in: the longest prefix wins (F9).
    pub fn by_number(&self, number: &str) -> Option<(&Arc<Tenant>, &str)> {
        let digits = number.strip_prefix('+').unwrap_or(number);
        let longest = self.longest_number.min(digits.len());
        (1..=longest).rev().find_map(|length| {
            let (id, context) = self.numbers.get(digits.get(..length)?)?;
            Some((self.tenants.get(id)?, context.as_str()))
        })
    }

    /// All tenants by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Tenant>> {
        self.tenants.values()
    }
}
