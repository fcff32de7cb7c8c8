//! A PostgreSQL server that knows users and passwords, and answers every query with nothing.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

#[derive(Default)]
pub(super) struct State {
    pub(super) passwords: HashMap<String, String>,
    /// Who tried to log in, and the SQLSTATE with which that was rejected.
    pub(super) logins: Vec<(String, Option<&'static str>)>,
    /// The sessions that are open, by number: whose they are.
    pub(super) open: HashMap<u32, String>,
    /// How many sessions were ended in order.
    pub(super) terminated: usize,
    /// Logins and queries named `held` wait while these are set.
    pub(super) hold_logins: bool,
    pub(super) hold_queries: bool,
    /// Rejects every login with this SQLSTATE.
    pub(super) failure: Option<&'static str>,
}

/// Handles to the same server.
#[derive(Clone)]
pub(super) struct Server {
    pub(super) port: u16,
    state: Arc<watch::Sender<State>>,
}

impl Server {
    pub(super) async fn start(user: &str, password: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let server = Self {
            port: listener.local_addr().expect("bound").port(),
            state: Arc::new(watch::Sender::new(State::default())),
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

    pub(super) fn set_password(&self, user: &str, password: &str) {
        self.change(|state| state.passwords.insert(user.to_owned(), password.to_owned()));
    }

    pub(super) fn change<R>(&self, change: impl FnOnce(&mut State) -> R) {
        self.state.send_modify(|state| {
            change(state);
        });
    }

    pub(super) fn get<R>(&self, read: impl FnOnce(&State) -> R) -> R {
        read(&self.state.borrow())
    }

    /// Returns how many sessions of `user` are open.
    pub(super) fn sessions(&self, user: &str) -> usize {
        self.get(|state| state.sessions(user))
    }

    pub(super) fn logins(&self) -> usize {
        self.get(|state| state.logins.len())
    }

    pub(super) async fn until(&self, is: impl FnMut(&State) -> bool) {
        let mut states = self.state.subscribe();
        let reached = tokio::time::timeout(super::LONG, states.wait_for(is)).await;
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

        let right = self.get(|state| state.passwords.get(&user) == Some(&password));
        let failure = self.get(|state| state.failure);
        let rejected = failure.or((!right).then_some("28P01"));
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

impl State {
    pub(super) fn sessions(&self, user: &str) -> usize {
        self.open.values().filter(|owner| *owner == user).count()
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
