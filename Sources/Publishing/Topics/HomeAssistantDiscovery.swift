public import Foundation

/// Home Assistant's device-based MQTT discovery (home-assistant.io/integrations/mqtt, "Device discovery payload"): one retained message that
/// describes the node and all its entities.
public struct HomeAssistantDiscovery: Sendable {
    /// What the device page shows.
    public struct Device: Hashable, Sendable {
        public var model: String
        public var softwareVersion: String
        public var configurationURL: String?

        public init(model: String = "generic", softwareVersion: String = "unknown", configurationURL: String? = nil) {
            self.model = model
            self.softwareVersion = softwareVersion
            self.configurationURL = configurationURL
        }
    }

    public var topics: Topics
    public var device: Device
    /// Seconds after which a measurement that was not repeated is unknown: telemetry comes every 30 s.
    public var telemetryExpiry = 95

    public init(topics: Topics, device: Device) {
        self.topics = topics
        self.device = device
    }

    private var unique: String { "fwoc_\(topics.identifier)" }

    /// The payload of ``Topics/discovery``.
    public func json() -> Data {
        var about: [String: Any] = [
            "identifiers": [unique], "name": topics.node, "manufacturer": "fwoc", "model": device.model, "sw_version": device.softwareVersion,
        ]
        about["configuration_url"] = device.configurationURL
        let payload: [String: Any] = [
            "device": about,
            "origin": ["name": "fwoc-agent", "sw_version": device.softwareVersion],
            "availability": [["topic": topics.availability, "payload_available": "online", "payload_not_available": "offline"]],
            "qos": 1,
            "components": components,
        ]
        return (try? JSONSerialization.data(withJSONObject: payload, options: [.sortedKeys, .withoutEscapingSlashes])) ?? Data("{}".utf8)
    }

    private var components: [String: [String: Any]] {
        var all: [String: [String: Any]] = [
            "presence": [
                "platform": "sensor", "name": "Present", "icon": "mdi:account-group", "state_topic": topics.level(.presence),
                // A state holds 255 characters.
                "value_template": "{{ (value_json.people | map(attribute='name') | join(', '))[:255] if value_json.count > 0 else 'nobody' }}",
                "json_attributes_topic": topics.level(.presence),
                "json_attributes_template": "{{ {'count': value_json.count, 'unknown': value_json.unknown, 'people': value_json.people} | tojson }}",
            ],
            "presence_count": [
                "platform": "sensor", "name": "People present", "icon": "mdi:counter", "state_class": "measurement",
                "state_topic": topics.level(.presence), "value_template": "{{ value_json.count }}",
            ],
            "occupancy": [
                "platform": "binary_sensor", "name": "Occupancy", "device_class": "occupancy", "state_topic": topics.level(.presence),
                "value_template": "{{ 'ON' if value_json.count + value_json.unknown > 0 else 'OFF' }}",
            ],
            "identity": [
                "platform": "event", "name": "Identity", "icon": "mdi:account-check",
                "event_types": ["identified", "unknown", "ambiguous", "rejected", "end"], "state_topic": topics.identityEvent,
                "value_template": """
                    {{ {'event_type': 'end' if value_json.type == 'end' else value_json.decision, 'event_id': value_json.event_id, \
                    'person': value_json.person.name if value_json.person else none, 'person_id': value_json.person.id if value_json.person else none, \
                    'decision': value_json.decision, 'track': value_json.track, 'score': value_json.score | default(none), \
                    'queued_ms': value_json.queued_ms | default(0), 'replay': value_json.replay | default(false)} | tojson }}
                    """,
            ],
            "last_identified": [
                "platform": "sensor", "name": "Last identified", "icon": "mdi:account", "state_topic": topics.identityEvent,
                // Somebody unknown, or an end, leaves the sensor as it is.
                "value_template": "{{ value_json.person.name if value_json.person and value_json.type != 'end' else this.state | default('unknown') }}",
                "json_attributes_topic": topics.identityEvent,
                "json_attributes_template": """
                    {{ {'event_id': value_json.event_id, 'decision': value_json.decision, 'type': value_json.type, 'ts': value_json.ts, \
                    'queued_ms': value_json.queued_ms | default(0)} | tojson }}
                    """,
            ],
            "problem": [
                "platform": "binary_sensor", "name": "Problem", "device_class": "problem", "entity_category": "diagnostic",
                "state_topic": topics.level(.status), "value_template": "{{ 'ON' if value_json.degraded | length > 0 else 'OFF' }}",
                "json_attributes_topic": topics.level(.status),
                "json_attributes_template": """
                    {{ {'degraded': value_json.degraded, 'mode': value_json.mode, 'bundle': value_json.bundle, \
                    'gallery_revision': value_json.gallery_revision, 'version': value_json.version} | tojson }}
                    """,
            ],
            "mode": [
                "platform": "sensor", "name": "Mode", "device_class": "enum", "options": ["starting", "live", "paused", "stopping"],
                "entity_category": "diagnostic", "state_topic": topics.level(.status), "value_template": "{{ value_json.mode }}",
            ],
        ]
        for (level, name, icon) in [(Level.camera, "Camera", "mdi:camera"), (.microphone, "Microphone", "mdi:microphone")] {
            all["\(level.rawValue)_connected"] = [
                "platform": "binary_sensor", "name": "\(name) connected", "device_class": "connectivity", "entity_category": "diagnostic",
                "state_topic": topics.level(level), "value_template": "{{ 'ON' if value in ['online', 'no_signal'] else 'OFF' }}",
            ]
            all["\(level.rawValue)_state"] = [
                "platform": "sensor", "name": "\(name) state", "device_class": "enum", "options": DeviceState.allCases.map(\.rawValue),
                "icon": icon, "entity_category": "diagnostic", "state_topic": topics.level(level), "value_template": "{{ value }}",
            ]
        }
        let measurements: [(key: String, name: String, template: String, unit: String, more: [String: Any])] = [
            ("fps", "Frame rate", "{{ value_json.fps | default(none) }}", "fps", ["icon": "mdi:filmstrip"]),
            ("latency", "Latency", "{{ value_json.latency_ms.p95 | default(none) }}", "ms", ["device_class": "duration"]),
            ("cpu", "Processor", "{{ value_json.cpu_percent | default(none) }}", "%", ["icon": "mdi:chip"]),
            ("memory", "Memory", "{{ value_json.memory_mb | default(none) }}", "MiB", ["device_class": "data_size"]),
            ("queued", "Events waiting", "{{ value_json.queued }}", "events", ["icon": "mdi:tray-full"]),
        ]
        for measurement in measurements {
            var component: [String: Any] = [
                "platform": "sensor", "name": measurement.name, "state_class": "measurement", "entity_category": "diagnostic",
                "unit_of_measurement": measurement.unit, "expire_after": telemetryExpiry, "state_topic": topics.telemetry,
                "value_template": measurement.template,
            ]
            component.merge(measurement.more) { $1 }
            all[measurement.key] = component
        }
        for (verb, icon) in [(Command.Verb.pause, "mdi:pause"), (.resume, "mdi:play"), (.reload, "mdi:reload"), (.purge, "mdi:delete-sweep")] {
            all[verb.rawValue] = [
                "platform": "button", "name": verb.rawValue.capitalized, "icon": icon, "entity_category": "config",
                "command_topic": topics.command(verb), "payload_press": "{}",
            ]
        }
        for key in all.keys { all[key]?["unique_id"] = "\(unique)_\(key)" }
        return all
    }
}
