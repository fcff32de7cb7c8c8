//! The login of one source: a token that is current, and a new login when it is not accepted or nears its end.

use std::sync::Arc;

use fastrand::Rng;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::answer::Answer;
use super::call::{Call, Failure};
use super::client::Client;
use super::login::{Login, Step};
use super::token::Token;
use crate::error::{Error, ErrorKind};

pub(super) struct Session {
    client: Client,
    login: Login,
    current: Mutex<Option<Arc<Token>>>,
}

impl Session {
    pub(super) fn new(client: Client, login: Login) -> Self {
        Self {
            client,
            login,
            current: Mutex::default(),
        }
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Sends a call with the current token. A token that Vault does not accept any more is replaced, once.
    pub(super) async fn send(&self, call: Call) -> Result<(Answer, Arc<Token>), Error> {
        let token = self.token().await?;
        let call = call.with_token(token.text());
        let failure = match self.client.send(&call).await {
            Ok(answer) => return Ok((answer, token)),
            Err(failure) => failure,
        };
        // A missing permission and a token that has ended look alike.
        if !failure.is_forbidden() || token.is_accepted().await {
            return Err(call.error(failure));
        }
        self.forget(&token).await;
        let token = self.token().await?;
        let call = call.with_token(token.text());
        match self.client.send(&call).await {
            Ok(answer) => Ok((answer, token)),
            Err(failure) => Err(call.error(failure)),
        }
    }

    /// Vault does not accept `token`: what was minted with it is gone, and the next call logs in.
    async fn forget(&self, token: &Arc<Token>) {
        token.cut();
        let mut current = self.current.lock().await;
        if current
            .as_ref()
            .is_some_and(|same| Arc::ptr_eq(same, token))
        {
            *current = None;
        }
    }

    /// Revokes the token, if a login created it.
    pub(super) async fn end(&self) {
        let Some(token) = self.current.lock().await.take() else {
            return;
        };
        if self.login.creates_token()
            && let Err(error) = token.revoke().await
        {
            tracing::debug!(error = %error.report(), "the login token was not revoked; it ends by itself");
        }
    }

    /// Returns the current token; logs in if there is none, or if it nears its end. A token that is given and was not
    /// replaced is used to its end.
    pub(super) async fn token(&self) -> Result<Arc<Token>, Error> {
        let mut current = self.current.lock().await;
        if let Some(token) = &*current
            && !token.term().is_ending(Instant::now())
        {
            return Ok(Arc::clone(token));
        }
        let token = match self.login.step().await? {
            Step::Call(call) => {
                let answer = self.client.send(&call).await;
                let answer = answer.map_err(|failure| call.error(failure))?;
                let auth = answer.auth.filter(|auth| !auth.client_token.is_empty());
                let auth = auth.ok_or_else(|| {
                    let fault =
                        "the login at Vault returned no token; response wrapping is not supported";
                    Error::new(ErrorKind::Config, fault)
                })?;
                Token::issued(&self.client, auth, Rng::new())
            }
            Step::Token(text) => {
                if let Some(same) = current.as_ref().filter(|token| **token.text() == text) {
                    return Ok(Arc::clone(same));
                }
                let given = Token::given(&self.client, text, Rng::new()).await;
                given.map_err(|(call, failure)| not_accepted(&call, failure))?
            }
        };
        tracing::info!("logged in at Vault");
        *current = Some(Arc::clone(&token));
        Ok(token)
    }
}

fn not_accepted(call: &Call, failure: Failure) -> Error {
    if !failure.is_forbidden() {
        return call.error(failure);
    }
    Error::new(
        ErrorKind::Unauthenticated,
        "Vault does not accept the token; provide another one, with the policy `default`",
    )
    .with_source(call.error(failure))
}
