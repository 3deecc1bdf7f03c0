// Appends events to an outbox until it is killed, and acknowledges each on standard output after it was stored.
import Foundation
import MediaTypes
import Publishing

guard CommandLine.arguments.count == 2 else { exit(64) }
let outbox = try Outbox(settings: OutboxSettings(path: CommandLine.arguments[1], maxEvents: 1_000_000, ttl: .seconds(3600)))
while true {
    let number = outbox.lastSequence
    try outbox.append(Data("{\"event_id\":\"e\(number)\",\"queued_ms\":0}".utf8), id: "e\(number)")
    // Unbuffered: the line is out before the next event begins.
    FileHandle.standardOutput.write(Data("e\(number)\n".utf8))
}
