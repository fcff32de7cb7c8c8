//! A login token. All leases that were minted with it end with it: they hold it, and it is renewed while one does.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use serde_json::json;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::answer::Auth;
use super::call::{Call, Failure};
use super::client::Client;
use super::renewal::{Granted, Renewable, Renewal, keep};
use super::term::Term;
use crate::error::Error;

pub(super) struct Token {
    text: Arc<Zeroizing<String>>,
    renewal: Renewal,
    client: Client,
    increment: Duration,
}

impl Token {
    /// Creates the token of a login, and keeps it renewed.
    pub(super) fn issued(client: &Client, auth: Auth, rng: Rng) -> Arc<Self> {
        let (ttl, is_renewable) = (auth.ttl(), auth.renewable);
        Self::new(client, auth.client_token, ttl, is_renewable, rng)
    }

    /// Looks up a token that exists, and keeps it renewed.
    pub(super) async fn given(
        client: &Client,
        text: Zeroizing<String>,
        rng: Rng,
    ) -> Result<Arc<Self>, (Call, Failure)> {
        let text = Arc::new(text);
        let call = lookup(&text);
        match client.send(&call).await {
            Ok(answer) => {
                let ttl = Duration::from_secs(answer.data.number("ttl").unwrap_or_default());
                let is_renewable = answer.data.is("renewable");
                let text = Zeroizing::new(text.to_string());
                Ok(Self::new(client, text, ttl, is_renewable, rng))
            }
            Err(failure) => Err((call, failure)),
        }
    }

    fn new(
        client: &Client,
        text: Zeroizing<String>,
        ttl: Duration,
        is_renewable: bool,
        rng: Rng,
    ) -> Arc<Self> {
        let token = Arc::new(Self {
            text: Arc::new(text),
            renewal: Renewal::new(Term::granted(Instant::now(), ttl, is_renewable)),
            client: client.clone(),
            increment: ttl,
        });
        keep(&token, rng);
        token
    }

    pub(super) fn text(&self) -> &Arc<Zeroizing<String>> {
        &self.text
    }

    pub(super) fn term(&self) -> Term {
        self.renewal.term()
    }

    /// Vault does not accept it any more.
    pub(super) fn cut(&self) {
        self.renewal.cut();
    }

    /// Returns whether Vault accepts it; `true` if it does not say.
    pub(super) async fn is_accepted(&self) -> bool {
        let answer = self.client.send(&lookup(&self.text)).await;
        !answer.is_err_and(|failure| failure.is_forbidden())
    }

    /// Ends it, and the leases that were minted with it.
    pub(super) async fn revoke(&self) -> Result<(), Error> {
        let path = "auth/token/revoke-self";
        let call = Call::post("revoking the login token", path, &json!({})).with_token(&self.text);
        match self.client.send(&call).await {
            Ok(_) => Ok(()),
            Err(failure) => Err(call.error(failure)),
        }
    }
}

impl Renewable for Token {
    fn renewal(&self) -> &Renewal {
        &self.renewal
    }

    async fn request(&self) -> Result<Granted, Error> {
        // Vault's answer is capped by the token's maximum; the increment only keeps it from being shorter.
        let body = json!({"increment": format!("{}s", self.increment.as_secs())});
        let call = Call::post("renewing the login token", "auth/token/renew-self", &body)
            .with_token(&self.text);
        match self.client.send(&call).await {
            Ok(answer) => {
                let auth = answer.auth.unwrap_or_default();
                Ok(Granted::For {
                    ttl: auth.ttl(),
                    is_renewable: auth.renewable,
                })
            }
            Err(failure) => Granted::unless_it_passes(&call, failure),
        }
    }

    fn name(&self) -> String {
        "the Vault login token".to_owned()
    }
}

fn lookup(text: &Arc<Zeroizing<String>>) -> Call {
    Call::get("looking up the login token", "auth/token/lookup-self").with_token(text)
}
