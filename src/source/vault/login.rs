//! How the process logs in at Vault.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;
use zeroize::Zeroizing;

use super::call::{Call, encode_path};
use crate::error::{Error, ErrorKind};

#[cfg(feature = "sts")]
mod aws;

/// How the process logs in. `Debug` shows no secret.
///
/// Files are read at each login, so that a file which is replaced is followed.
///
/// ```
/// use credswap::source::vault::Login;
/// let approle = Login::app_role("7e1c…", Login::file("/run/secrets/secret-id"));
/// let kubernetes = Login::kubernetes("uploader").mount("kubernetes/prod");
/// ```
///
/// | login | advice |
/// |---|---|
/// | token | periodic (`vault token create -period=1h`): any other ends at its maximum, and all its leases with it |
/// | AppRole | set `token_period`, or a `token_max_ttl` of days; with `secret_id_num_uses` set, the SecretID must suffice for a login at each maximum and each restart |
/// | Kubernetes, JWT | the token file is read anew; `token_ttl` of an hour or more |
/// | AWS IAM (feature `sts`) | the request is signed anew at each login |
#[derive(Clone)]
pub struct Login {
    method: Method,
    /// `None`: the method's default.
    mount: Option<String>,
}

/// A secret text: given, or in a file that is read when it is needed.
#[derive(Clone)]
pub struct LoginSecret(Text);

#[derive(Clone)]
enum Text {
    Given(Arc<Zeroizing<String>>),
    File(PathBuf),
}

#[derive(Clone)]
enum Method {
    Token(LoginSecret),
    AppRole {
        role_id: String,
        secret_id: LoginSecret,
    },
    /// Kubernetes and JWT differ in the mount only.
    Jwt {
        mount: &'static str,
        role: String,
        jwt: LoginSecret,
    },
    #[cfg(feature = "sts")]
    Aws(Box<aws::AwsLogin>),
}

/// What is to be done to have a token.
pub(super) enum Step {
    /// It is this one: look it up.
    Token(Zeroizing<String>),
    /// Vault issues it.
    Call(Call),
}

impl Login {
    /// Uses a token that exists: a text, or the file that an agent keeps ([`Login::file`]).
    pub fn token(token: impl Into<LoginSecret>) -> Self {
        Self::new(Method::Token(token.into()))
    }

    /// Logs in with AppRole. Mount `approle`.
    pub fn app_role(role_id: impl Into<String>, secret_id: impl Into<LoginSecret>) -> Self {
        Self::new(Method::AppRole {
            role_id: role_id.into(),
            secret_id: secret_id.into(),
        })
    }

    /// Logs in with the token of the pod's service account. Mount `kubernetes`.
    pub fn kubernetes(role: impl Into<String>) -> Self {
        const TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";
        Self::kubernetes_with(role, Self::file(TOKEN))
    }

    /// Logs in with another Kubernetes token, such as a projected one with Vault's audience. Mount `kubernetes`.
    pub fn kubernetes_with(role: impl Into<String>, jwt: impl Into<LoginSecret>) -> Self {
        Self::new(Method::Jwt {
            mount: "kubernetes",
            role: role.into(),
            jwt: jwt.into(),
        })
    }

    /// Logs in with a JSON Web Token. Mount `jwt`.
    pub fn jwt(role: impl Into<String>, jwt: impl Into<LoginSecret>) -> Self {
        Self::new(Method::Jwt {
            mount: "jwt",
            role: role.into(),
            jwt: jwt.into(),
        })
    }

    /// Names a file that holds a secret. It is read at each login; white space at its ends is left out.
    pub fn file(path: impl AsRef<Path>) -> LoginSecret {
        LoginSecret(Text::File(path.as_ref().to_owned()))
    }

    /// Sets the mount of the auth method, where it is not the default.
    #[must_use]
    pub fn mount(mut self, mount: impl Into<String>) -> Self {
        self.mount = Some(mount.into());
        self
    }

    fn new(method: Method) -> Self {
        Self {
            method,
            mount: None,
        }
    }

    /// Returns whether a login creates a token, which is then ours to revoke.
    pub(super) fn creates_token(&self) -> bool {
        !matches!(self.method, Method::Token(_))
    }

    /// Reads what is needed and returns what to do.
    pub(super) async fn step(&self) -> Result<Step, Error> {
        let (mount, body) = match &self.method {
            Method::Token(token) => return Ok(Step::Token(token.read("the Vault token").await?)),
            Method::AppRole { role_id, secret_id } => {
                let secret_id = secret_id.read("the SecretID").await?;
                let body = json!({"role_id": role_id, "secret_id": secret_id.as_str()});
                ("approle", body)
            }
            Method::Jwt { mount, role, jwt } => {
                let jwt = jwt.read("the JWT").await?;
                (*mount, json!({"role": role, "jwt": jwt.as_str()}))
            }
            #[cfg(feature = "sts")]
            Method::Aws(login) => ("aws", login.body().await?),
        };
        let mount = self.mount.as_deref().unwrap_or(mount);
        let path = format!("auth/{}/login", encode_path(mount));
        let call = Call::post(format!("the login at `{mount}`"), path, &body).once();
        super::answer::wipe(&mut { body });
        Ok(Step::Call(call))
    }
}

impl LoginSecret {
    async fn read(&self, what: &str) -> Result<Zeroizing<String>, Error> {
        let (text, place) = match &self.0 {
            Text::Given(text) => (Zeroizing::new(text.trim().to_owned()), String::new()),
            Text::File(path) => {
                let place = format!(" in `{}`", path.display());
                // Small, local and seldom: not worth a thread.
                let text =
                    std::fs::read_to_string(path)
                        .map(Zeroizing::new)
                        .map_err(|error| {
                            Error::new(
                        ErrorKind::Config,
                        format!("{what}{place} cannot be read; check the path and its permissions"),
                    )
                    .with_source(error)
                        })?;
                (Zeroizing::new(text.trim().to_owned()), place)
            }
        };
        if text.is_empty() {
            let fault = format!("{what}{place} is empty");
            return Err(Error::new(ErrorKind::Config, fault));
        }
        Ok(text)
    }
}

impl<S: Into<String>> From<S> for LoginSecret {
    fn from(text: S) -> Self {
        Self(Text::Given(Arc::new(Zeroizing::new(text.into()))))
    }
}

impl fmt::Debug for LoginSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Text::Given(_) => f.write_str("** redacted **"),
            Text::File(path) => write!(f, "file {}", path.display()),
        }
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Login");
        match &self.method {
            Method::Token(token) => debug.field("token", token),
            Method::AppRole { role_id, secret_id } => debug
                .field("role_id", role_id)
                .field("secret_id", secret_id),
            Method::Jwt { role, jwt, .. } => debug.field("role", role).field("jwt", jwt),
            #[cfg(feature = "sts")]
            Method::Aws(login) => debug.field("role", &login.role),
        };
        debug.field("mount", &self.mount).finish()
    }
}
