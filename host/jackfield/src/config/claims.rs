//! Names that belong to one tenant only: its domains and its public numbers (F9).

use std::collections::BTreeMap;

use call::TenantId;

use super::problem::Problem;
use super::tenant::Tenant;

/// Who has which name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Claims {
    names: BTreeMap<Name, TenantId>,
}

/// A name that is unique on the host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    Domain(String),
    Number(String),
}

impl Claims {
    /// Enters all names of a tenant, or none and why.
    pub(crate) fn enter(
        &mut self,
        tenant: &Tenant,
        place_of_domains: impl Fn() -> Problem,
    ) -> Result<(), Vec<Problem>> {
        let mut problems = Vec::new();
        for domain in &tenant.domains {
            if let Some(owner) = self.owner(&Name::Domain(domain.clone()), &tenant.id) {
                let message = format!("the domain {domain} belongs to tenant `{owner}`");
                problems.push(Problem { message, ..place_of_domains() });
            }
        }
        for number in &tenant.numbers {
            if let Some(owner) = self.owner(&Name::Number(number.prefix.clone()), &tenant.id) {
                let message = format!("the number {} belongs to tenant `{owner}`", number.prefix);
                problems.push(Problem { message, ..number.place.clone() });
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        self.release(&tenant.id);
        let domains = tenant.domains.iter().cloned().map(Name::Domain);
        let numbers = tenant.numbers.iter().map(|number| Name::Number(number.prefix.clone()));
        self.names.extend(domains.chain(numbers).map(|name| (name, tenant.id.clone())));
        Ok(())
    }

    /// Forgets the names that a tenant had and no longer wants.
    pub(crate) fn keep_only(&mut self, tenant: &Tenant) {
        let wanted = |name: &Name| match name {
            Name::Domain(domain) => tenant.domains.contains(domain),
            Name::Number(prefix) => tenant.numbers.iter().any(|number| number.prefix == *prefix),
        };
        self.names.retain(|name, owner| *owner != tenant.id || wanted(name));
    }

    /// Every tenant that has a name.
    pub(crate) fn owners(&self) -> impl Iterator<Item = &TenantId> {
        self.names.values()
    }

    /// Forgets the names of a tenant that is gone.
    pub(crate) fn release(&mut self, tenant: &TenantId) {
        self.names.retain(|_, owner| owner != tenant);
    }

    fn owner(&self, name: &Name, asking: &TenantId) -> Option<&TenantId> {
        self.names.get(name).filter(|owner| *owner != asking)
    }
}
