import COpenSSL

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// SHA-256 (FIPS 180-4) by OpenSSL's libcrypto, fed piece by piece.
@safe package struct SHA256Digest: ~Copyable {
    /// Owned: freed by `deinit`, used by nothing else.
    private let context: OpaquePointer

    init() {
        guard let context = unsafe EVP_MD_CTX_new(), unsafe EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
            fatalError("libcrypto has no SHA-256")
        }
        unsafe self.context = context
    }

    deinit { unsafe EVP_MD_CTX_free(context) }

    mutating func update(_ bytes: RawSpan) {
        unsafe bytes.withUnsafeBytes { bytes in
            let result = unsafe EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
            precondition(result == 1)
        }
    }

    /// The digest as 64 lower-case hexadecimal digits.
    consuming func finalize() -> String {
        var digest = [UInt8](repeating: 0, count: 32)
        let result = unsafe digest.withUnsafeMutableBufferPointer { digest in
            unsafe EVP_DigestFinal_ex(context, digest.baseAddress, nil)
        }
        precondition(result == 1)
        let digits = Array("0123456789abcdef")
        return String(digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
    }

    package static func hex(of bytes: RawSpan) -> String {
        var digest = SHA256Digest()
        digest.update(bytes)
        return digest.finalize()
    }

    package static func hex(of text: String) -> String { unsafe hex(of: Array(text.utf8).span.bytes) }

    /// The digest of a file's content, read in pieces.
    static func hex(ofFile path: String) throws(FileFailure) -> String {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileFailure(code: errno) }
        defer { close(descriptor) }
        var digest = SHA256Digest()
        var buffer = [UInt8](repeating: 0, count: 1 << 18)
        while true {
            let count = unsafe buffer.withUnsafeMutableBytes { buffer in unsafe read(descriptor, buffer.baseAddress, buffer.count) }
            if count < 0 {
                if errno == EINTR { continue }
                throw FileFailure(code: errno)
            }
            if count == 0 { return digest.finalize() }
            unsafe digest.update(buffer.span.extracting(0..<count).bytes)
        }
    }
}

/// Why a file could not be read.
struct FileFailure: Error {
    var code: Int32
    var isMissing: Bool { code == ENOENT || code == ENOTDIR }
    var message: String { unsafe String(cString: strerror(code)) }
}
