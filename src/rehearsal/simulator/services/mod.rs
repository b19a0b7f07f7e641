//! The services' operations, protocol aside.

mod automation;
mod cloudtrail;
mod cloudwatch;
mod documents;
mod expression;
mod insights;
mod logs;
mod ops_items;
mod ssm;
mod sts;

use super::wire::{Call, Failure, Service, Value};
use super::world::World;
pub(super) use insights::Asked;
pub(super) use ops_items::OpsItem;

/// Answers a call.
pub(super) fn answer(world: &World, call: &Call) -> Result<Value, Failure> {
    let unknown = || {
        Failure::new(
            "UnknownOperationException",
            format!("the simulator does not know {}", call.operation),
        )
    };
    match call.service {
        Service::CloudWatch => cloudwatch::answer(world, &call.operation, &call.input),
        Service::Logs => logs::answer(world, &call.operation, &call.input),
        Service::Ssm => ssm::answer(world, &call.operation, &call.input),
        Service::CloudTrail => cloudtrail::answer(world, &call.operation, &call.input),
        Service::Sts => sts::answer(world, call),
    }
    .unwrap_or_else(|| Err(unknown()))
}

/// One page of a list: the items, and the token of the next page.
fn page<T>(
    items: Vec<T>,
    token: Option<&str>,
    size: usize,
) -> Result<(Vec<T>, Option<String>), Failure> {
    let from: usize = match token {
        None => 0,
        Some(token) => token
            .strip_prefix("page-")
            .and_then(|at| at.parse().ok())
            .ok_or_else(|| {
                Failure::new(
                    "InvalidNextToken",
                    "the token is not one that was given out",
                )
            })?,
    };
    let total = items.len();
    let next = from.saturating_add(size);
    let shown = items.into_iter().skip(from).take(size).collect();
    Ok((shown, (next < total).then(|| format!("page-{next}"))))
}
