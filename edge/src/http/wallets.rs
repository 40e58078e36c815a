//! Sellers' wallets, for the merchant's server.

use super::checkout::merchant_of;
use super::context::{CALL_LIMIT_MS, Context};
use super::problem::Problem;
use super::router::Endpoint;
use super::{Answer, json, misunderstood};
use crate::auth::Caller;
use crate::command::{Command, LedgerCommand, Reply};
use crate::ports::Ports;
use crate::topology::Target;
use gyesan_core::id::{self, MerchantId, SellerId};
use gyesan_core::problem::Code;
use http::StatusCode;

/// Rows of a page, at most and by default.
const LIMIT_MAX: u32 = 100;
const LIMIT: u32 = 20;

/// `GET /v1/wallets/{sellerId}`.
///
/// # Errors
/// Those of [`Context::authenticate`]; 404 for a seller that the merchant does not have.
pub async fn wallet<P: Ports>(context: &Context<'_, P>, endpoint: &Endpoint) -> Answer {
    let caller = context.authenticate(endpoint).await?;
    context.only_parameters(&[])?;
    let (merchant_id, seller_id, shard) = seller(context, &caller).await?;
    let command = LedgerCommand::Wallet { merchant_id, seller_id };
    match context.call(shard, Command::Ledger(command), CALL_LIMIT_MS).await? {
        Reply::Wallet(wallet) => json(StatusCode::OK, &wallet),
        _ => Err(misunderstood()),
    }
}

/// `GET /v1/wallets/{sellerId}/transactions?limit=&cursor=`, newest first.
///
/// # Errors
/// As for [`wallet`]; 400 `INVALID_VALUE` for a limit or cursor that is none.
pub async fn transactions<P: Ports>(context: &Context<'_, P>, endpoint: &Endpoint) -> Answer {
    let caller = context.authenticate(endpoint).await?;
    context.only_parameters(&["limit", "cursor"])?;
    let limit = number(context, "limit")?.unwrap_or(u64::from(LIMIT));
    let limit = u32::try_from(limit).ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
    let limit = limit.ok_or_else(|| Problem::with(Code::InvalidValue, "limit is 1 to 100"))?;
    let before = number(context, "cursor")?;
    let (merchant_id, seller_id, shard) = seller(context, &caller).await?;
    let command = LedgerCommand::WalletTransactions { merchant_id, seller_id, before, limit };
    match context.call(shard, Command::Ledger(command), CALL_LIMIT_MS).await? {
        Reply::Transactions(page) => json(StatusCode::OK, &page),
        _ => Err(misunderstood()),
    }
}

fn number<P: Ports>(context: &Context<'_, P>, name: &str) -> Result<Option<u64>, Problem> {
    let Some(text) = context.query.get(name) else { return Ok(None) };
    let number = text.parse::<u64>().ok().filter(|_| text.len() <= 15);
    number
        .map(Some)
        .ok_or_else(|| Problem::with(Code::InvalidValue, format!("`{name}` is not one that was given out")))
}

/// The seller in the path and the shard of its account. A seller that was withdrawn keeps its wallet, so only the name's form
/// is checked here, and the shard knows whether there is an account; one without any credit yet is in the catalogue.
async fn seller<P: Ports>(
    context: &Context<'_, P>,
    caller: &Caller,
) -> Result<(MerchantId, SellerId, Target), Problem> {
    let merchant_id = merchant_of(caller)?.id.clone();
    let seller_id = context.param("sellerId");
    if !id::is_name(seller_id)
        || !context.state.catalogue.has_seller(context.ports, &merchant_id, seller_id).await?
    {
        return Err(Problem::with(Code::NotFound, "there is no such seller"));
    }
    let seller_id = SellerId::from(seller_id);
    let shard = context.config.topology.ledger_shard(&merchant_id, seller_id.as_str());
    Ok((merchant_id, seller_id, shard))
}
