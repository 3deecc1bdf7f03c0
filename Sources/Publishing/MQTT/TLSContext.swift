import CMosquitto

/// Owner of an OpenSSL context that verifies one host, with the reason why a certificate was refused.
///
/// Thread-bound: to the thread of the client that uses it.
@safe final class TLSContext {
    private(set) var pointer: OpaquePointer
    private let verdict: UnsafeMutablePointer<fwoc_tls_verdict>

    init(_ tls: MQTTSettings.TLS, host: String, broker: String) throws(MQTTFailure) {
        let verdict = UnsafeMutablePointer<fwoc_tls_verdict>.allocate(capacity: 1)
        unsafe verdict.initialize(to: fwoc_tls_verdict())
        var stage = FWOC_TLS_READY
        var reason = [CChar](repeating: 0, count: 256)
        let context = unsafe fwoc_tls_new(host, tls.caFile, tls.certFile, tls.keyFile, verdict, &stage, &reason, reason.count)
        guard let context = unsafe context else {
            unsafe verdict.deallocate()
            let text = String(decoding: reason.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            throw MQTTFailure(.configuration, broker: broker, detail: Self.explain(stage, tls, text))
        }
        unsafe pointer = context
        unsafe self.verdict = unsafe verdict
    }

    deinit {
        unsafe SSL_CTX_free(pointer)
        unsafe verdict.deallocate()
    }

    /// What OpenSSL found wrong with the broker's certificate.
    func refusal(broker: String) -> MQTTFailure? {
        let error = unsafe verdict.pointee.error
        guard error != 0 else { return nil }
        let subject = unsafe withUnsafeBytes(of: verdict.pointee.subject) { bytes in
            unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        let kind: MQTTFailure.Kind =
            switch error {
            case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH: .wrongHostName
            case X509_V_ERR_CERT_HAS_EXPIRED, X509_V_ERR_CERT_NOT_YET_VALID: .certificateTime
            default: .untrustedCertificate
            }
        return MQTTFailure(kind, broker: broker, detail: "\(unsafe String(cString: fwoc_tls_verdict_text(verdict))), certificate \(subject)")
    }

    private static func explain(_ stage: fwoc_tls_stage, _ tls: MQTTSettings.TLS, _ reason: String) -> String {
        switch stage {
        case FWOC_TLS_CA: "mqtt.tls.ca_file \(tls.caFile ?? "(the system's)") cannot be used (\(reason)); expected certificates in PEM form"
        case FWOC_TLS_CERTIFICATE: "mqtt.tls.cert_file \(tls.certFile ?? "") cannot be used (\(reason)); expected a certificate chain in PEM form"
        case FWOC_TLS_KEY: "mqtt.tls.key_file \(tls.keyFile ?? "") cannot be used (\(reason)); expected a private key in PEM form without a passphrase"
        case FWOC_TLS_PAIR: "mqtt.tls.key_file \(tls.keyFile ?? "") does not belong to cert_file \(tls.certFile ?? "")"
        default: "TLS cannot be set up (\(reason))"
        }
    }
}
