//! Lambda's Runtime API, as a function's process sees it: it requests the next event and posts an answer.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

/// A function's process, and the API it talks to.
pub(crate) struct Function {
    process: Child,
    events: mpsc::UnboundedSender<Invocation>,
    log: tempfile::NamedTempFile,
}

/// What the function posted to `/error`.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: String,
    pub(crate) message: String,
}

struct Invocation {
    event: String,
    answer: oneshot::Sender<Result<Value, Failure>>,
}

struct Api {
    events: tokio::sync::Mutex<mpsc::UnboundedReceiver<Invocation>>,
    invocations: Mutex<BTreeMap<String, oneshot::Sender<Result<Value, Failure>>>>,
}

impl Function {
    /// Starts an example's binary with these variables, and no others but Lambda's own.
    pub(crate) async fn start(example: &str, variables: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound").to_string();
        let (events, received) = mpsc::unbounded_channel();
        let api = Arc::new(Api {
            events: tokio::sync::Mutex::new(received),
            invocations: Mutex::default(),
        });
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let api = Arc::clone(&api);
                tokio::spawn(async move {
                    let service = service_fn(move |request| Arc::clone(&api).serve(request));
                    // The end of the function interrupts its last request.
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        let log = tempfile::NamedTempFile::new().expect("a file");
        let process = Command::new(binary(example))
            .env_clear()
            .envs(variables.iter().copied())
            .env("AWS_LAMBDA_RUNTIME_API", address)
            .env("AWS_LAMBDA_FUNCTION_NAME", example)
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .stdin(std::process::Stdio::null())
            .stdout(log.reopen().expect("the file"))
            .stderr(log.reopen().expect("the file"))
            .spawn()
            .expect("the function's process");
        Self {
            process,
            events,
            log,
        }
    }

    /// Sends an event, and waits for the answer.
    pub(crate) async fn invoke(&mut self, event: &Value) -> Result<Value, Failure> {
        let (answer, answered) = oneshot::channel();
        let event = event.to_string();
        self.events
            .send(Invocation { event, answer })
            .expect("the API is served");
        match tokio::time::timeout(TIMEOUT, answered).await {
            Ok(Ok(answer)) => answer,
            _ => panic!("no answer from the function; its log:\n{}", self.log()),
        }
    }

    /// Returns all that it has written.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.log.path()).expect("the log")
    }

    /// Waits until it ends.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let deadline = tokio::time::Instant::now() + TIMEOUT;
        loop {
            if let Some(status) = self.process.try_wait().expect("our process") {
                return status;
            }
            assert!(tokio::time::Instant::now() < deadline, "it still runs");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Api {
    async fn serve(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Infallible> {
        let path = request.uri().path().to_owned();
        let body = request.into_body().collect().await;
        let body = body.map(|body| body.to_bytes()).unwrap_or_default();
        let steps: Vec<_> = path.split('/').skip(1).collect();
        Ok(match steps[..] {
            ["2018-06-01", "runtime", "invocation", "next"] => self.next().await,
            ["2018-06-01", "runtime", "invocation", id, "response"] => {
                let answer = serde_json::from_slice(&body).expect("the answer is JSON");
                self.answered(id, Ok(answer))
            }
            ["2018-06-01", "runtime", "invocation", id, "error"] => {
                let error: Value = serde_json::from_slice(&body).expect("JSON");
                let text = |field: &str| error[field].as_str().expect("text").to_owned();
                let failure = Failure {
                    kind: text("errorType"),
                    message: text("errorMessage"),
                };
                self.answered(id, Err(failure))
            }
            _ => plain(StatusCode::NOT_FOUND),
        })
    }

    // The deadline is a time of the wall clock.
    #[allow(clippy::disallowed_methods)]
    async fn next(&self) -> Response<Full<Bytes>> {
        let Some(invocation) = self.events.lock().await.recv().await else {
            return plain(StatusCode::GONE);
        };
        let id = format!("request-{}", fastrand::u64(..));
        let deadline = SystemTime::now() + TIMEOUT;
        let since_1970 = deadline.duration_since(SystemTime::UNIX_EPOCH);
        let mut invocations = self.invocations.lock().expect("not poisoned");
        invocations.insert(id.clone(), invocation.answer);
        Response::builder()
            .header("content-type", "application/json")
            .header("lambda-runtime-aws-request-id", id)
            .header(
                "lambda-runtime-deadline-ms",
                since_1970.expect("after 1970").as_millis().to_string(),
            )
            .header(
                "lambda-runtime-invoked-function-arn",
                "arn:aws:lambda:us-east-1:123456789012:function:rotation",
            )
            .header(
                "lambda-runtime-trace-id",
                "Root=1-5759e988-bd862e3fe1be46a994272793",
            )
            .body(Full::from(invocation.event))
            .expect("a response")
    }

    fn answered(&self, id: &str, answer: Result<Value, Failure>) -> Response<Full<Bytes>> {
        let invocation = self.invocations.lock().expect("not poisoned").remove(id);
        // The test may have given up.
        let _ = invocation.expect("a known request id").send(answer);
        plain(StatusCode::ACCEPTED)
    }
}

fn plain(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

/// Cargo builds examples before it runs tests, into a folder beside the tests' own.
pub(crate) fn binary(example: &str) -> PathBuf {
    let tests = std::env::current_exe().expect("this test's binary");
    let profile = tests.parent().and_then(Path::parent);
    let binary = profile.expect("a target directory").join("examples");
    let binary = binary.join(format!("{example}{}", std::env::consts::EXE_SUFFIX));
    assert!(
        binary.exists(),
        "`{}` is not built: run all tests (`cargo test --all-features`), or `cargo build --all-features --example {example}`",
        binary.display()
    );
    binary
}

const TIMEOUT: Duration = Duration::from_secs(60);
