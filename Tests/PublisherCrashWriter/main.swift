// Publishes numbered events until it is killed, and acknowledges each on standard output after it was stored.
// Usage: publisher-crash-writer PORT OUTBOX PREFIX MILLISECONDS-BETWEEN
import Foundation
import MediaTypes
import Publishing

guard CommandLine.arguments.count == 5, let port = Int(CommandLine.arguments[1]),
    let pause = Double(CommandLine.arguments[4])
else { exit(64) }
let publisher = try Publisher(
    node: "crash", mqtt: MQTTSettings(host: "127.0.0.1", port: port), outbox: OutboxSettings(path: CommandLine.arguments[2])
) { _ in CommandReply(ok: true, message: "") }
try publisher.start()
var number = 0
while true {
    let id = "\(CommandLine.arguments[3])\(number)"
    try publisher.publish(event: Data("{\"event_id\":\"\(id)\",\"queued_ms\":0}".utf8), id: id)
    // Unbuffered: the line is out before the next event begins.
    FileHandle.standardOutput.write(Data("\(id)\n".utf8))
    number += 1
    Thread.sleep(forTimeInterval: pause / 1000)
}
