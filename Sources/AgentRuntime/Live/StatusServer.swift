import FlyingFox
import FlyingSocks
import Foundation

/// Health, metrics and status over HTTP, on loopback unless configured otherwise: `/healthz`, `/metrics` (Prometheus), `/status` (JSON).
///
/// Read-only; it answers GET and nothing else, and knows no names of people on `/metrics`.
struct StatusServer {
    let host: String
    let port: Int
    let status: @Sendable () -> AgentStatus
    /// Why the agent is not healthy; `nil` while it is.
    let trouble: @Sendable () -> String?

    /// Serves until the task is cancelled.
    func run() async throws {
        if host.contains(":") {
            try await serve(HTTPServer(address: .inet6(ip6: host, port: UInt16(port)), timeout: 5, logger: .disabled))
        } else {
            try await serve(HTTPServer(address: .inet(ip4: host == "localhost" ? "127.0.0.1" : host, port: UInt16(port)), timeout: 5, logger: .disabled))
        }
    }

    private func serve(_ server: HTTPServer) async throws {
        let (status, trouble) = (status, trouble)
        await server.appendRoute("GET /healthz") { _ in
            guard let trouble = trouble() else { return Self.answer(.ok, "text/plain; charset=utf-8", Data("ok\n".utf8)) }
            return Self.answer(.serviceUnavailable, "text/plain; charset=utf-8", Data((trouble + "\n").utf8))
        }
        await server.appendRoute("GET /metrics") { _ in
            Self.answer(.ok, "text/plain; version=0.0.4; charset=utf-8", Data(MetricsText.text(status()).utf8))
        }
        await server.appendRoute("GET /status") { _ in Self.answer(.ok, "application/json", try status().json()) }
        try await server.run()
    }

    private static func answer(_ code: HTTPStatusCode, _ type: String, _ body: Data) -> HTTPResponse {
        HTTPResponse(statusCode: code, headers: [.contentType: type, HTTPHeader("Cache-Control"): "no-store"], body: body)
    }
}
