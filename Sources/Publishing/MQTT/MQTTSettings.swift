/// How a broker is reached.
public struct MQTTSettings: Hashable, Sendable {
    /// Files in PEM form. The broker's certificate and name are always verified.
    public struct TLS: Hashable, Sendable {
        /// Authorities to trust; nil: those of the system.
        public var caFile: String?
        /// The client's certificate chain, with `keyFile`, where the broker asks for one.
        public var certFile: String?
        /// Without a passphrase.
        public var keyFile: String?

        public init(caFile: String? = nil, certFile: String? = nil, keyFile: String? = nil) {
            self.caFile = caFile
            self.certFile = certFile
            self.keyFile = keyFile
        }
    }

    /// Which protocol is spoken.
    public enum ProtocolPreference: String, Hashable, Sendable {
        /// MQTT 5, or 3.1.1 where the broker does not speak 5.
        case automatic
        case version5
        case version311
    }

    public var host: String
    public var port: Int
    /// nil: no TLS.
    public var tls: TLS?
    public var username: String?
    public var password: String?
    /// nil: `fwoc-<node>-<eight digits>`, which stays with the outbox file. Unique among the broker's clients.
    public var clientID: String?
    /// Seconds, 5 to 65535: a broker that says nothing for so long is given up.
    public var keepAlive: Int
    public var protocolPreference: ProtocolPreference

    public init(
        host: String, port: Int = 1883, tls: TLS? = nil, username: String? = nil, password: String? = nil, clientID: String? = nil,
        keepAlive: Int = 15, protocolPreference: ProtocolPreference = .automatic
    ) {
        self.host = host
        self.port = port
        self.tls = tls
        self.username = username
        self.password = password
        self.clientID = clientID
        self.keepAlive = keepAlive
        self.protocolPreference = protocolPreference
    }

    /// "broker.lan:8883", as messages name the broker.
    public var broker: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    func validate() throws(MQTTFailure) {
        func refuse(_ reason: String) -> MQTTFailure { MQTTFailure(.configuration, broker: broker, detail: reason) }
        guard !host.isEmpty else { throw refuse("mqtt.host is empty; name the broker") }
        guard (1...65_535).contains(port) else { throw refuse("mqtt.port is \(port), expected 1 to 65535") }
        guard (5...65_535).contains(keepAlive) else { throw refuse("mqtt.keep_alive is \(keepAlive) s, expected 5 to 65535") }
        if let clientID, clientID.isEmpty || clientID.utf8.count > 128 { throw refuse("mqtt.client_id has \(clientID.utf8.count) bytes, expected 1 to 128") }
        // Every string goes to C, where it would end at its first zero byte: another name, or half a password.
        for (key, text) in [
            ("host", host), ("username", username), ("password", password), ("client_id", clientID), ("tls.ca_file", tls?.caFile),
            ("tls.cert_file", tls?.certFile), ("tls.key_file", tls?.keyFile),
        ] where text?.utf8.contains(0) == true { throw refuse("mqtt.\(key) contains a zero byte") }
        if password != nil && username == nil { throw refuse("mqtt has a password but no username; set mqtt.username") }
        if let tls, (tls.certFile == nil) != (tls.keyFile == nil) {
            throw refuse("mqtt.tls has \(tls.certFile == nil ? "a key_file but no cert_file" : "a cert_file but no key_file"); name both")
        }
    }
}
