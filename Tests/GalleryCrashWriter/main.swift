// Enrolls people into a gallery until it is killed, and acknowledges each on standard output after it was stored. Templates
// are a function of the person's number, so that the test that kills this process can tell whether they are all there.
import Foundation
import Gallery

guard CommandLine.arguments.count == 2 else { exit(64) }
let encoder = EncoderIdentity(fingerprint: "face-encoder@sha256:0123456789ab", dimension: 64)
let gallery = try Gallery(path: CommandLine.arguments[1])
var number = try gallery.list().count
while true {
    let templates = (0..<3).map { index in
        TemplateCandidate(
            modality: .face, embedding: (0..<64).map { $0 == number % 64 ? 4 : Float(($0 * 7 + index * 3 + number) % 11) / 11 },
            quality: 0.5, origin: "\(number)/\(index)")
    }
    let report = try gallery.enroll(.name("person \(number)"), templates, encoders: [.face: encoder], policy: .none)
    // Unbuffered: the line is out before the next enrolment begins.
    FileHandle.standardOutput.write(Data("\(number) \(report.person.id) \(report.revision)\n".utf8))
    number += 1
}
