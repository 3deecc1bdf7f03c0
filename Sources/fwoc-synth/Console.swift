import Foundation
import Glibc

/// Standard output for results, standard error for what accompanies them.
enum Console {
    static func line(_ text: String) { write(text + "\n", to: STDOUT_FILENO) }
    static func error(_ text: String) { write("fwoc-synth: \(text)\n", to: STDERR_FILENO) }
    static func note(_ text: String) { write(text + "\n", to: STDERR_FILENO) }

    static var isErrorTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    /// Rewrites the terminal's current line.
    static func status(_ text: String) { write("\r\u{1B}[K\(text)", to: STDERR_FILENO) }

    private static func write(_ text: String, to descriptor: Int32) {
        let data = Data(text.utf8)
        unsafe data.withUnsafeBytes { bytes in
            var offset = 0
            while offset < bytes.count {
                let written = unsafe Glibc.write(descriptor, bytes.baseAddress! + offset, bytes.count - offset)
                // A reader that went away (EPIPE) wants no more.
                guard written > 0 else { return }
                offset += written
            }
        }
    }
}
