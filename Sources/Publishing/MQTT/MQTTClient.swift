import CMosquitto
import Foundation
import MediaTypes

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// One MQTT client over one connection, on libmosquitto.
///
/// A lost connection is not revived: libmosquitto would send again, on its own account, what was under way, before it is known
/// which of it arrived. The owner makes another client instead, and this one's queue goes with it.
///
/// The owner turns it: ``turn(_:interrupt:)`` writes what is queued, waits, reads, and returns what happened. Nothing is written
/// while reading, so that the acknowledgement of a delivered message leaves only after the owner has dealt with the message: what
/// is lost in a crash in between is delivered again.
///
/// Thread-bound: every call on the thread that turns it.
@safe final class MQTTClient {
    /// Longest payload that is copied out of libmosquitto, in bytes.
    static let largestPayload = 64 * 1024
    /// Largest packet that the broker is told to send (MQTT 5), in bytes: above ``largestPayload``, so that a larger one can be refused
    /// with its reason rather than disappear.
    static let largestPacket: UInt32 = 4 << 20

    static let connectLimit = TimeSpan.seconds(3)
    static let handshakeLimit = TimeSpan.seconds(8)

    enum Event {
        /// The broker accepted the client.
        case connected(isSessionPresent: Bool, receiveMaximum: Int)
        case message(MQTTMessage)
        /// The broker took a message of QoS 1, or refused it (`reason` 128 and above).
        case acknowledged(message: CInt, reason: CInt)
        /// One entry a topic: the granted QoS, 128 and above for a refusal.
        case subscribed(message: CInt, granted: [CInt])
        /// The end; nothing follows.
        case closed(MQTTFailure?)
    }

    /// What a client is and leaves behind.
    struct Identity {
        var clientID: String
        /// The broker keeps subscriptions and messages for as long after the connection, in seconds; 0: not at all.
        var sessionExpiry: UInt32
        var will: MQTTPublication?
    }

    private enum Phase { case connecting, handshaking, connected, closed }

    let version: MQTTVersion
    private let settings: MQTTSettings
    private let identity: Identity
    private var addresses: [String]
    private var pointer: OpaquePointer?
    private var tls: TLSContext?
    private var phase = Phase.connecting
    private var phaseEnd: TimeSpan
    private var inbox: [Event] = []
    /// What libmosquitto reported on the way, newest last, for the reason of a failure.
    private var errorLines: [String] = []
    private var isLeaving = false
    /// The broker's own word on why it ends the connection.
    private var farewell: CInt?

    /// Resolves the host and begins to connect. Blocks for the resolver only.
    init(_ settings: MQTTSettings, identity: Identity, version: MQTTVersion) throws(MQTTFailure) {
        try settings.validate()
        _ = Self.library
        self.settings = settings
        self.identity = identity
        self.version = version
        phaseEnd = OutboxMoment.currentUptime() + Self.connectLimit
        unsafe pointer = nil
        addresses = []
        addresses = try BrokerAddress.resolve(host: settings.host, broker: settings.broker)
        try connectNext()
    }

    deinit { destroy() }

    private static let library: CInt = mosquitto_lib_init()

    /// "TLSv1.3", or nil without TLS.
    var tlsVersion: String? {
        guard let pointer = unsafe pointer, let text = unsafe fwoc_tls_version(pointer) else { return nil }
        return unsafe String(cString: text)
    }

    var isConnected: Bool { phase == .connected }

    // MARK: - Connecting

    private func failure(_ kind: MQTTFailure.Kind, _ detail: String) -> MQTTFailure { MQTTFailure(kind, broker: settings.broker, detail: detail) }

    private func destroy() {
        if let pointer = unsafe pointer { unsafe mosquitto_destroy(pointer) }
        unsafe pointer = nil
        tls = nil
    }

    /// Begins with the next address; each gets a `struct mosquitto` of its own.
    private func connectNext() throws(MQTTFailure) {
        destroy()
        let address = addresses.removeFirst()
        phase = .connecting
        phaseEnd = OutboxMoment.currentUptime() + Self.connectLimit
        guard let client = unsafe mosquitto_new(identity.clientID, identity.sessionExpiry == 0, Unmanaged.passUnretained(self).toOpaque()) else {
            throw failure(.configuration, "libmosquitto refuses the client id \(identity.clientID)")
        }
        unsafe pointer = unsafe client
        // Without it libmosquitto writes acknowledgements from within its reading.
        _ = unsafe mosquitto_threaded_set(client, true)
        _ = unsafe mosquitto_int_option(client, MOSQ_OPT_PROTOCOL_VERSION, version == .version5 ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311)
        _ = unsafe mosquitto_int_option(client, MOSQ_OPT_TCP_NODELAY, 1)
        try unsafe setCredentialsAndWill(client)
        if let files = settings.tls {
            let context = try TLSContext(files, host: settings.host, broker: settings.broker)
            _ = unsafe mosquitto_int_option(client, MOSQ_OPT_SSL_CTX_WITH_DEFAULTS, 0)
            _ = unsafe mosquitto_void_option(client, MOSQ_OPT_SSL_CTX, UnsafeMutableRawPointer(context.pointer))
            tls = context
        }
        unsafe setCallbacks(client)
        if version == .version5 { unsafe setConnectProperties(client, address: address) }
        errno = 0
        let result = unsafe mosquitto_connect_async(client, address, CInt(settings.port), CInt(settings.keepAlive))
        guard result == MOSQ_ERR_SUCCESS.rawValue else {
            // Over loopback the whole handshake may happen in that call.
            let failure = connectFailure(errno: errno, result: result)
            guard failure.kind == .refused || failure.kind == .unreachable, !addresses.isEmpty else { throw failure }
            return try connectNext()
        }
    }

    private func setCredentialsAndWill(_ client: OpaquePointer) throws(MQTTFailure) {
        if let username = settings.username, unsafe mosquitto_username_pw_set(client, username, settings.password) != MOSQ_ERR_SUCCESS.rawValue {
            throw failure(.configuration, "libmosquitto refuses the user name; expected valid UTF-8")
        }
        if let will = identity.will {
            let result = unsafe will.payload.withUnsafeBytes {
                unsafe mosquitto_will_set(client, will.topic, CInt($0.count), $0.baseAddress, will.qos, will.retain)
            }
            guard result == MOSQ_ERR_SUCCESS.rawValue else { throw failure(.configuration, "libmosquitto refuses the topic \(will.topic)") }
        }
    }

    /// libmosquitto takes the properties of CONNECT only in its blocking call; it keeps them before it looks at the keep-alive. A
    /// keep-alive that it refuses therefore stores them without connecting, for the call that does not block.
    private func setConnectProperties(_ client: OpaquePointer, address: String) {
        var properties = MQTTProperties()
        if identity.sessionExpiry > 0 { properties.add(MQTT_PROP_SESSION_EXPIRY_INTERVAL, identity.sessionExpiry) }
        properties.add(MQTT_PROP_MAXIMUM_PACKET_SIZE, Self.largestPacket)
        let refusedKeepAlive: CInt = 1
        _ = unsafe mosquitto_connect_bind_v5(client, address, CInt(settings.port), refusedKeepAlive, nil, properties.pointer)
    }

    private func connectFailure(errno code: CInt, result: CInt = MOSQ_ERR_ERRNO.rawValue) -> MQTTFailure {
        if let refusal = tls?.refusal(broker: settings.broker) { return refusal }
        if result == MOSQ_ERR_TLS.rawValue {
            let lines = errorLines.joined(separator: "; ")
            return tlsAlert(lines) ?? failure(.tls, lines.isEmpty ? "handshake" : lines)
        }
        guard result == MOSQ_ERR_ERRNO.rawValue, code != 0 else { return failure(.unreachable, unsafe String(cString: mosquitto_strerror(result))) }
        let text = unsafe String(cString: strerror(code))
        switch code {
        case ECONNREFUSED: return failure(.refused, text)
        case ETIMEDOUT: return failure(.timeout, "TCP, \(text)")
        default: return failure(.unreachable, text)
        }
    }

    // MARK: - Callbacks

    private func setCallbacks(_ client: OpaquePointer) {
        unsafe mosquitto_connect_v5_callback_set(client) { _, context, reason, flags, properties in
            let maximum = unsafe MQTTProperties.integer16(MQTT_PROP_RECEIVE_MAXIMUM, in: properties)
            unsafe MQTTClient.of(context).connectionAnswered(reason: reason, flags: flags, receiveMaximum: maximum)
        }
        unsafe mosquitto_disconnect_v5_callback_set(client) { _, context, reason, _ in
            unsafe MQTTClient.of(context).farewell = reason
        }
        unsafe mosquitto_publish_v5_callback_set(client) { _, context, message, reason, _ in
            unsafe MQTTClient.of(context).inbox.append(.acknowledged(message: message, reason: reason))
        }
        unsafe mosquitto_subscribe_v5_callback_set(client) { _, context, message, count, granted, _ in
            let list = (0..<Int(count)).map { unsafe granted?[$0] ?? 128 }
            unsafe MQTTClient.of(context).inbox.append(.subscribed(message: message, granted: list))
        }
        unsafe mosquitto_message_v5_callback_set(client) { _, context, message, properties in
            guard let message = unsafe message?.pointee, let topic = unsafe message.topic else { return }
            let size = unsafe Int(message.payloadlen)
            let payload = unsafe message.payload.flatMap { size <= MQTTClient.largestPayload ? unsafe Data(bytes: $0, count: size) : nil }
            let copy = unsafe MQTTMessage(
                topic: String(cString: topic), payload: payload ?? Data(), size: size, isRetained: message.retain,
                responseTopic: MQTTProperties.string(MQTT_PROP_RESPONSE_TOPIC, in: properties),
                correlation: MQTTProperties.data(MQTT_PROP_CORRELATION_DATA, in: properties))
            unsafe MQTTClient.of(context).inbox.append(.message(copy))
        }
        unsafe mosquitto_log_callback_set(client) { _, context, level, line in
            guard level & MOSQ_LOG_ERR != 0, let line = unsafe line else { return }
            let client = unsafe MQTTClient.of(context)
            unsafe client.errorLines.append(String(cString: line))
            if client.errorLines.count > 8 { client.errorLines.removeFirst() }
        }
    }

    private static func of(_ context: UnsafeMutableRawPointer?) -> MQTTClient {
        // The client owns the struct that calls back, and destroys it before it goes.
        unsafe Unmanaged<MQTTClient>.fromOpaque(context!).takeUnretainedValue()
    }

    private func connectionAnswered(reason: CInt, flags: CInt, receiveMaximum: UInt16?) {
        if reason == 0 {
            phase = .connected
            inbox.append(.connected(isSessionPresent: flags & 1 != 0, receiveMaximum: Int(receiveMaximum ?? .max)))
        } else if phase != .closed {
            close(refusal(reason))
        }
    }

    /// What a refusing CONNACK means.
    private func refusal(_ reason: CInt) -> MQTTFailure {
        // Codes below 128 are those of 3.1.1; a broker may answer MQTT 5 with them too.
        let text = unsafe String(cString: reason >= 128 ? mosquitto_reason_string(reason) : mosquitto_connack_string(reason))
        let detail = "\(text) reason \(reason)"
        switch reason {
        case 1, 132: return failure(.protocolVersion, detail)
        case 2, 133: return failure(.clientIdentifier, detail)
        case 4, 5, 134, 135, 138, 140: return failure(.credentials, detail)
        default: return failure(.brokerUnavailable, detail)
        }
    }

    // MARK: - Turning

    /// Writes what is queued, waits for the broker, `interrupt` or the time, reads all that there is.
    func turn(_ longest: TimeSpan, interrupt: LoopInterrupt?) -> [Event] {
        guard phase != .closed else { return take() }
        if phase != .connecting { write() }
        guard phase != .closed, let client = unsafe pointer else { return take() }
        var wait = longest
        if phase != .connected { wait = min(wait, max(.zero, phaseEnd - OutboxMoment.currentUptime())) }
        var polls = [pollfd(fd: unsafe mosquitto_socket(client), events: Int16(POLLIN), revents: 0)]
        let wantsWrite = unsafe mosquitto_want_write(client)
        if phase == .connecting || wantsWrite { polls[0].events |= Int16(POLLOUT) }
        if let interrupt { polls.append(pollfd(fd: interrupt.descriptor, events: Int16(POLLIN), revents: 0)) }
        let ready = unsafe poll(&polls, nfds_t(polls.count), CInt(clamping: (wait.nanoseconds + 999_999) / 1_000_000))
        if polls.count > 1, polls[1].revents != 0 { interrupt?.clear() }
        if ready > 0, polls[0].revents != 0 {
            if phase == .connecting { finishConnecting() }
            if phase != .connecting, phase != .closed { read() }
        } else if phase == .connecting || phase == .handshaking, OutboxMoment.currentUptime() >= phaseEnd {
            let step = phase == .connecting ? "TCP" : settings.tls == nil ? "MQTT" : "TLS or MQTT"
            fail(failure(.timeout, "\(step) within \(Int((phase == .connecting ? Self.connectLimit : Self.handshakeLimit).seconds)) s"))
        }
        if phase == .connected || phase == .handshaking, let client = unsafe pointer {
            errno = 0
            finish(unsafe mosquitto_loop_misc(client), doing: "keep-alive")
        }
        return take()
    }

    private func take() -> [Event] {
        defer { inbox.removeAll(keepingCapacity: true) }
        return inbox
    }

    private func finishConnecting() {
        guard let client = unsafe pointer else { return }
        var code: CInt = 0
        var size = socklen_t(MemoryLayout<CInt>.size)
        // A connection that was reset stood before; what the broker said first can still be read.
        guard unsafe getsockopt(mosquitto_socket(client), SOL_SOCKET, SO_ERROR, &code, &size) == 0, code == 0 || code == ECONNRESET else {
            return fail(connectFailure(errno: code))
        }
        phase = .handshaking
        phaseEnd = OutboxMoment.currentUptime() + Self.handshakeLimit
        write()
    }

    private func isReady(_ events: Int32, _ client: OpaquePointer) -> Bool {
        var probe = pollfd(fd: unsafe mosquitto_socket(client), events: Int16(events), revents: 0)
        return unsafe poll(&probe, 1, 0) > 0
    }

    /// Reads until nothing is left: what a dying broker still sent says which events arrived.
    private func read() {
        while phase != .closed, let client = unsafe pointer {
            errno = 0
            let result = unsafe mosquitto_loop_read(client, 1)
            finish(result, doing: "reading")
            guard phase != .closed, result == MOSQ_ERR_SUCCESS.rawValue else { return }
            guard inbox.count < 256, unsafe isReady(POLLIN, client) else { return }
        }
    }

    private func write() {
        while phase != .closed, let client = unsafe pointer, unsafe mosquitto_want_write(client) {
            // Writing to a broker that has hung up would throw away the reason that it gave.
            if phase == .handshaking, unsafe isReady(POLLIN, client) { return }
            guard unsafe isReady(POLLOUT, client) else { return }
            errno = 0
            let result = unsafe mosquitto_loop_write(client, 1)
            let code = errno
            finish(result, doing: "writing")
            // TLS waits for the other side.
            if code == EAGAIN { return }
        }
    }

    private func finish(_ result: CInt, doing work: String) {
        guard phase != .closed, let client = unsafe pointer else { return }
        let code = errno
        if result == MOSQ_ERR_SUCCESS.rawValue, unsafe mosquitto_socket(client) >= 0 { return }
        if isLeaving { return close(nil) }
        if let refusal = tls?.refusal(broker: settings.broker) { return close(refusal) }
        let reason = farewell ?? result
        let lines = errorLines.joined(separator: "; ")
        if let failure = tlsAlert(lines) { return close(failure) }
        if phase == .connected {
            switch reason {
            case 142: close(failure(.takenOver, "session taken over, reason 142"))
            case 128...: close(failure(.lost, unsafe String(cString: mosquitto_reason_string(reason))))
            default:
                let text = result == MOSQ_ERR_ERRNO.rawValue && code != 0 ? unsafe String(cString: strerror(code)) : unsafe String(cString: mosquitto_strerror(result))
                close(failure(result == MOSQ_ERR_KEEPALIVE.rawValue ? .stalled : .lost, "\(work): \(text)"))
            }
        } else if result == MOSQ_ERR_TLS.rawValue || !lines.isEmpty && settings.tls != nil {
            close(failure(.tls, lines.isEmpty ? "handshake" : lines))
        } else {
            let text = result == MOSQ_ERR_ERRNO.rawValue && code != 0 ? unsafe String(cString: strerror(code)) : unsafe String(cString: mosquitto_strerror(result))
            close(failure(.droppedInHandshake, text))
        }
    }

    /// With TLS 1.3 the broker refuses the client's certificate only after the client's handshake is over.
    private func tlsAlert(_ lines: String) -> MQTTFailure? {
        guard settings.tls != nil, lines.contains("alert") else { return nil }
        let complaints = ["certificate required", "bad certificate", "unknown ca", "certificate unknown", "certificate expired", "handshake failure", "certificate revoked"]
        let found = complaints.first { lines.contains($0) }
        return found.map { failure(.clientCertificate, "TLS alert: \($0)") } ?? failure(.tls, lines)
    }

    /// Ends an attempt; goes on with the next address where there is one.
    private func fail(_ failure: MQTTFailure) {
        guard phase == .connecting, !addresses.isEmpty else { return close(failure) }
        do { try connectNext() } catch { close(error) }
    }

    private func close(_ failure: MQTTFailure?) {
        guard phase != .closed else { return }
        phase = .closed
        inbox.append(.closed(failure))
    }

    // MARK: - Sending

    /// - Returns: the message's number, for ``Event/acknowledged(message:reason:)``; nil where the client cannot send any more.
    func publish(_ publication: MQTTPublication) -> CInt? {
        guard phase == .connected, let client = unsafe pointer else { return nil }
        var properties = MQTTProperties()
        if version == .version5 {
            if let expiry = publication.expiry { properties.add(MQTT_PROP_MESSAGE_EXPIRY_INTERVAL, expiry) }
            if let correlation = publication.correlation { properties.add(MQTT_PROP_CORRELATION_DATA, correlation) }
        }
        var number: CInt = 0
        let result = unsafe publication.payload.withUnsafeBytes {
            unsafe mosquitto_publish_v5(
                client, &number, publication.topic, CInt($0.count), $0.baseAddress, publication.qos, publication.retain, properties.pointer)
        }
        return result == MOSQ_ERR_SUCCESS.rawValue ? number : nil
    }

    func subscribe(_ topics: [String], qos: CInt) -> CInt? {
        guard phase == .connected, let client = unsafe pointer else { return nil }
        let copies = unsafe topics.map { unsafe strdup($0) }
        defer { for unsafe copy in unsafe copies { unsafe free(copy) } }
        var number: CInt = 0
        let result = unsafe copies.withUnsafeBufferPointer {
            unsafe mosquitto_subscribe_multiple(client, &number, CInt($0.count), $0.baseAddress, qos, 0, nil)
        }
        return result == MOSQ_ERR_SUCCESS.rawValue ? number : nil
    }

    /// Says good-bye, so that the broker keeps the will to itself; ``Event/closed(_:)`` follows.
    func leave() {
        guard phase == .connected, let client = unsafe pointer else { return close(nil) }
        isLeaving = true
        _ = unsafe mosquitto_disconnect(client)
    }
}
