//! A PostgreSQL server that knows users and passwords, and answers every query with nothing.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Longer than anything takes.
const LONG: Duration = Duration::from_secs(60);

/// Tells whether a user may log in with a password.
type Accepts = Box<dyn Fn(&str, &str) -> bool + Send + Sync>;

/// What the server knows and has seen.
#[derive(Default)]
pub struct PostgresState {
    /// The password of each user.
    pub passwords: HashMap<String, String>,
    accepts: Option<Accepts>,
    /// Who tried to log in, and the SQLSTATE with which that was rejected.
    pub logins: Vec<(String, Option<&'static str>)>,
    /// The sessions that are open, by number: whose they are.
    pub open: HashMap<u32, String>,
    /// How many sessions were ended in order.
    pub terminated: usize,
    /// Logins wait while this is set.
    pub hold_logins: bool,
    /// Queries that begin with `held` wait while this is set.
    pub hold_queries: bool,
    /// Rejects every login with this SQLSTATE.
    pub failure: Option<&'static str>,
}

/// A PostgreSQL server on 127.0.0.1, without TLS: it asks for the password in clear text, and answers every query with nothing.
/// Clones are handles to the same one. It ends with its runtime.
#[derive(Clone)]
pub struct Postgres {
    /// Its port.
    pub port: u16,
    state: Arc<watch::Sender<PostgresState>>,
}

impl Postgres {
    /// Starts one with a user.
    ///
    /// # Panics
    /// If no port is free.
    pub async fn start(user: &str, password: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let server = Self {
            port: listener.local_addr().expect("bound").port(),
            state: Arc::new(watch::Sender::new(PostgresState::default())),
        };
        server.set_password(user, password);
        let accepting = server.clone();
        tokio::spawn(async move {
            for number in 0.. {
                let (stream, _) = listener.accept().await.expect("a connection");
                let server = accepting.clone();
                tokio::spawn(async move {
                    // An error is a client that went away.
                    let _ = server.serve(stream, number).await;
                    server.change(|state| state.open.remove(&number));
                });
            }
        });
        server
    }

    /// Sets the password of a user, who is created if there is none of this name.
    pub fn set_password(&self, user: &str, password: &str) {
        self.change(|state| state.passwords.insert(user.to_owned(), password.to_owned()));
    }

    /// Lets `accepts` decide from now on, from user and password, who may log in; others are rejected as by PAM (28000).
    pub fn check_logins(&self, accepts: impl Fn(&str, &str) -> bool + Send + Sync + 'static) {
        self.change(|state| state.accepts = Some(Box::new(accepts)));
    }

    /// Changes the state.
    pub fn change<R>(&self, change: impl FnOnce(&mut PostgresState) -> R) {
        self.state.send_modify(|state| {
            change(state);
        });
    }

    /// Reads the state.
    pub fn get<R>(&self, read: impl FnOnce(&PostgresState) -> R) -> R {
        read(&self.state.borrow())
    }

    /// Returns how many sessions of `user` are open.
    pub fn sessions(&self, user: &str) -> usize {
        self.get(|state| state.sessions(user))
    }

    /// Returns how often a client tried to log in.
    pub fn logins(&self) -> usize {
        self.get(|state| state.logins.len())
    }

    /// Waits until the state is as asked.
    ///
    /// # Panics
    /// If that takes longer than a minute.
    pub async fn until(&self, is: impl FnMut(&PostgresState) -> bool) {
        let mut states = self.state.subscribe();
        let reached = tokio::time::timeout(LONG, states.wait_for(is)).await;
        reached.expect("it comes").expect("the sender lives");
    }

    async fn serve(&self, mut stream: TcpStream, number: u32) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let length = stream.read_u32().await?;
        let mut startup = vec![0; length as usize - 4];
        stream.read_exact(&mut startup).await?;
        let mut texts = startup[4..].split(|byte| *byte == 0);
        let user = texts.by_ref().skip_while(|text| text != b"user").nth(1);
        let user = String::from_utf8_lossy(user.expect("a user")).into_owned();
        stream
            .write_all(&message(b'R', &3_u32.to_be_bytes()))
            .await?; // asks for the password
        let (_, password) = read(&mut stream).await?;
        let password =
            String::from_utf8_lossy(password.strip_suffix(&[0]).expect("a text")).into_owned();

        let rejected = self.get(|state| state.rejection(&user, &password));
        self.change(|state| state.logins.push((user.clone(), rejected)));
        self.until(|state| !state.hold_logins).await;
        if let Some(code) = rejected {
            let text = format!("SFATAL\0VFATAL\0C{code}\0Mlogin failed\0\0");
            return stream.write_all(&message(b'E', text.as_bytes())).await;
        }
        self.change(|state| state.open.insert(number, user));
        stream
            .write_all(&message(b'R', &0_u32.to_be_bytes()))
            .await?;
        let mut transaction = b'I';
        loop {
            stream.write_all(&message(b'Z', &[transaction])).await?;
            match read(&mut stream).await? {
                (b'X', _) => {
                    self.change(|state| state.terminated += 1);
                    return Ok(());
                }
                (b'S', _) => {} // asks whether the session is alive
                (_, query) => {
                    if query.starts_with(b"held") {
                        self.until(|state| !state.hold_queries).await;
                    } else if query.starts_with(b"BEGIN") {
                        transaction = b'T';
                    } else if query.starts_with(b"COMMIT") || query.starts_with(b"ROLLBACK") {
                        transaction = b'I';
                    }
                    stream.write_all(&message(b'C', b"SELECT 0\0")).await?;
                }
            }
        }
    }
}

impl PostgresState {
    /// Returns the SQLSTATE with which a login is rejected.
    fn rejection(&self, user: &str, password: &str) -> Option<&'static str> {
        let failure = match &self.accepts {
            Some(accepts) => (!accepts(user, password)).then_some("28000"),
            None => {
                (self.passwords.get(user).map(String::as_str) != Some(password)).then_some("28P01")
            }
        };
        self.failure.or(failure)
    }

    /// Returns how many sessions of `user` are open.
    pub fn sessions(&self, user: &str) -> usize {
        self.open.values().filter(|owner| *owner == user).count()
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres")
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for PostgresState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresState")
            .field("logins", &self.logins)
            .field("open", &self.open)
            .finish_non_exhaustive()
    }
}

async fn read(stream: &mut TcpStream) -> std::io::Result<(u8, Vec<u8>)> {
    let kind = stream.read_u8().await?;
    let length = stream.read_u32().await?;
    let mut body = vec![0; length as usize - 4];
    stream.read_exact(&mut body).await?;
    Ok((kind, body))
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("short");
    let mut message = vec![kind];
    message.extend(length.to_be_bytes());
    message.extend(body);
    message
}
