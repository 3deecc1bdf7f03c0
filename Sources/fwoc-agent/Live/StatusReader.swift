import AgentRuntime
import Foundation
import FlyingSocks

/// Asks a running agent over HTTP: one GET on a plain socket.
///
/// Foundation's URLSession would bring libcurl and its certificates into a program that talks to loopback.
enum StatusReader {
    static let longestWait = 5.0
    static let largestAnswer = 1 << 20

    static func data(_ url: URL) async throws -> Data {
        let host = url.host() ?? "127.0.0.1", port = UInt16(url.port ?? 80)
        let answer: Data
        do {
            answer = try await withThrowingTaskGroup(of: Data.self) { group in
                group.addTask { try await exchange(host, port, path: url.path()) }
                group.addTask {
                    try await Task.sleep(for: .seconds(longestWait))
                    throw AgentError(.unavailable, "\(host):\(port): no answer within \(Int(longestWait)) s")
                }
                defer { group.cancelAll() }
                return try await group.next() ?? Data()
            }
        } catch let error as AgentError {
            throw error
        } catch {
            throw AgentError(
                .unavailable, "\(host):\(port): no agent answers there (\(error)); is it running, and is http.listen this address? See --address")
        }
        guard let end = answer.range(of: Data("\r\n\r\n".utf8)) else { throw AgentError(.unavailable, "\(host):\(port): not an HTTP answer") }
        let head = String(decoding: answer[..<end.lowerBound], as: UTF8.self)
        guard head.hasPrefix("HTTP/1.1 200") else {
            throw AgentError(.unavailable, "\(host):\(port): answered \(head.prefix { !$0.isNewline }); is that an agent?")
        }
        return Data(answer[end.upperBound...])
    }

    private static func exchange(_ host: String, _ port: UInt16, path: String) async throws -> Data {
        let socket =
            host.contains(":")
            ? try await AsyncSocket.connected(to: .inet6(ip6: host, port: port))
            : try await AsyncSocket.connected(to: .inet(ip4: host == "localhost" ? "127.0.0.1" : host, port: port))
        defer { try? socket.close() }
        try await socket.write(Data("GET \(path) HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\n\r\n".utf8))
        var answer = Data()
        var expected: Int?
        while answer.count < largestAnswer {
            do { answer.append(contentsOf: try await socket.read(atMost: 65_536)) } catch SocketError.disconnected { break }
            if expected == nil, let end = answer.range(of: Data("\r\n\r\n".utf8)) {
                let head = String(decoding: answer[..<end.lowerBound], as: UTF8.self).lowercased()
                let length = head.split(whereSeparator: \.isNewline).first { $0.hasPrefix("content-length:") }
                    .flatMap { Int($0.dropFirst(15).trimmingCharacters(in: .whitespaces)) }
                expected = length.map { $0 + end.upperBound }
            }
            if let expected, answer.count >= expected { break }
        }
        return answer
    }
}
