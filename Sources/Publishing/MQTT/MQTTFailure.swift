/// Why a broker cannot be reached, or was lost: which broker, what failed, and what to do.
public struct MQTTFailure: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Kind: String, Hashable, Sendable {
        case configuration
        /// The host's name has no address.
        case nameResolution
        /// Nothing listens at the port.
        case refused
        case unreachable
        /// No answer in time, at TCP, TLS or MQTT.
        case timeout
        /// The connection ended before the broker accepted it.
        case droppedInHandshake
        /// The broker's certificate is not signed by a trusted authority.
        case untrustedCertificate
        /// The certificate is for another name.
        case wrongHostName
        /// The certificate's time is over, or has not begun by this machine's clock.
        case certificateTime
        /// The broker refuses the client's certificate, or asks for one.
        case clientCertificate
        /// Another failure of TLS, a port without TLS among them.
        case tls
        case protocolVersion
        /// Wrong user name or password, or a user that may not connect.
        case credentials
        case clientIdentifier
        /// Another client with the same id took the connection.
        case takenOver
        /// The broker says that it cannot serve now.
        case brokerUnavailable
        /// The broker refuses to store an event or a level.
        case publishRefused
        /// A connection that stood was lost.
        case lost
        /// A connection stands, but the broker does not answer.
        case stalled
    }

    public var kind: Kind
    /// "host:port"
    public var broker: String
    public var detail: String

    public init(_ kind: Kind, broker: String, detail: String) {
        self.kind = kind
        self.broker = broker
        self.detail = detail
    }

    public var description: String {
        switch kind {
        case .configuration: "MQTT broker \(broker): \(detail)"
        case .nameResolution: "MQTT broker \(broker): the name cannot be resolved (\(detail)); check mqtt.host and the machine's DNS"
        case .refused: "MQTT broker \(broker): connection refused; check that the broker runs and that mqtt.port is right"
        case .unreachable: "MQTT broker \(broker): not reachable (\(detail)); check the network and mqtt.host"
        case .timeout: "MQTT broker \(broker): no answer (\(detail)); check the network, a firewall, and whether the port speaks \(detail.contains("TLS") ? "TLS" : "MQTT")"
        case .droppedInHandshake:
            "MQTT broker \(broker): it closed the connection before it accepted it (\(detail)); check that the port is right, whether it wants TLS (mqtt.tls), and the broker's log"
        case .untrustedCertificate:
            "MQTT broker \(broker): its certificate is not trusted (\(detail)); name the authority that signed it under mqtt.tls.ca_file"
        case .wrongHostName:
            "MQTT broker \(broker): its certificate is for another name (\(detail)); use the name that stands in the certificate as mqtt.host, or issue one for this name"
        case .certificateTime: "MQTT broker \(broker): its certificate is not valid now (\(detail)); renew it, or set this machine's clock"
        case .clientCertificate:
            "MQTT broker \(broker): it does not accept this client's certificate (\(detail)); set mqtt.tls.cert_file and key_file to a pair that the broker's authority signed"
        case .tls: "MQTT broker \(broker): TLS failed (\(detail)); check that the port speaks TLS, version 1.2 or later"
        case .protocolVersion: "MQTT broker \(broker): it does not speak this version of MQTT (\(detail)); leave the version to be chosen automatically, or update the broker"
        case .credentials:
            "MQTT broker \(broker): it refused the login (\(detail)); check mqtt.username and mqtt.password_file, and that the user may connect"
        case .clientIdentifier: "MQTT broker \(broker): it refused the client id (\(detail)); set another mqtt.client_id"
        case .takenOver:
            "MQTT broker \(broker): another client uses the same client id (\(detail)); if two machines share a copy of one state folder, delete the outbox of one"
        case .brokerUnavailable: "MQTT broker \(broker): it cannot serve now (\(detail)); trying again"
        case .publishRefused: "MQTT broker \(broker): it refuses what is published (\(detail)); check the broker's access rules for this user"
        case .lost: "MQTT broker \(broker): connection lost (\(detail)); trying again"
        case .stalled: "MQTT broker \(broker): connected, but no answer (\(detail)); trying again"
        }
    }

    /// Trying again soon helps only where nobody has to change a setting first.
    var needsAttention: Bool {
        switch kind {
        case .configuration, .untrustedCertificate, .wrongHostName, .certificateTime, .clientCertificate, .protocolVersion, .credentials,
            .clientIdentifier, .takenOver, .publishRefused:
            true
        case .nameResolution, .refused, .unreachable, .timeout, .droppedInHandshake, .tls, .brokerUnavailable, .lost, .stalled: false
        }
    }
}
