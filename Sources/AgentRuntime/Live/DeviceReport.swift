import Capture

/// The devices of this machine as lines for people.
public enum DeviceReport {
    public static func lines(soundServer: String?) -> [String] {
        let inventory = CameraInventory()
        var lines = ["cameras:"]
        for camera in inventory.cameras {
            lines.append("  \(camera.node)  \(camera.identity.card) (\(camera.identity.driver), \(camera.identity.bus))")
            for name in camera.names { lines.append("    as \(name)") }
            for offer in camera.offers { lines.append("    \(offer)") }
        }
        if inventory.cameras.isEmpty { lines.append("  none found; is one plugged in, and may you read /dev/video*? (group video)") }
        for failure in inventory.failures { lines.append("  \(failure)") }
        lines.append("microphones:")
        do {
            let sources = try MicrophoneInventory.list(server: soundServer)
            for source in sources {
                var marks: [String] = [source.activity.rawValue]
                if source.isDefault { marks.append("default") }
                if source.isMuted { marks.append("muted") }
                if source.isMonitor { marks.append("monitor: hears what is played") }
                lines.append("  \(source.name)  \(source.description)  \(source.format)  \(marks.joined(separator: ", "))")
            }
            if sources.isEmpty { lines.append("  the sound server has no source") }
        } catch {
            lines.append("  \(error)")
        }
        return lines
    }
}
