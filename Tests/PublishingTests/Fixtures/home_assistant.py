"""Reads a device-based discovery payload and the node's messages as Home Assistant does, and prints every entity's state.

Standard input: one JSON object {"discovery": {...}, "messages": [{"topic": ..., "payload": text}, ...]}.
Standard output: one JSON object, entity key -> {"state": ..., "attributes": {...}, "available": ...}; buttons -> {"topic", "payload"}.
Ends with 1 and a line for what Home Assistant would not accept. Templates run in Jinja's sandbox with undefined names as errors, as
only a payload that always renders is worth promising.
"""
import json
import re
import sys

import jinja2
import jinja2.sandbox

document = json.load(sys.stdin)
discovery = document["discovery"]
environment = jinja2.sandbox.ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined)


def refuse(text):
    print(text, file=sys.stderr)
    sys.exit(1)


def check(condition, text):
    if not condition:
        refuse(text)


check(discovery["device"]["identifiers"], "device: no identifiers")
check(discovery["origin"]["name"], "origin: no name")
check(isinstance(discovery["components"], dict) and discovery["components"], "no components")

REQUIRED = {
    "sensor": {"state_topic"},
    "binary_sensor": {"state_topic"},
    "event": {"state_topic", "event_types"},
    "button": {"command_topic"},
}
seen = set()
for key, component in discovery["components"].items():
    check(re.fullmatch(r"[a-zA-Z0-9_-]+", key), f"{key}: not a valid key")
    platform = component.get("platform")
    check(platform in REQUIRED, f"{key}: platform {platform}")
    missing = REQUIRED[platform] - component.keys()
    check(not missing, f"{key}: no {missing}")
    check(re.fullmatch(r"[a-zA-Z0-9_-]+", component.get("unique_id", "")), f"{key}: unique_id")
    check(component["unique_id"] not in seen, f"{key}: unique_id twice")
    seen.add(component["unique_id"])
    if component.get("device_class") == "enum":
        check(component.get("options") and "state_class" not in component, f"{key}: enum")


def render(template, payload, state):
    values = {"value": payload, "this": {"state": state}}
    try:
        values["value_json"] = json.loads(payload)
    except ValueError:
        pass
    return environment.from_string(template).render(**values)


entities = {
    key: {"state": "unknown", "attributes": {}, "available": False}
    for key, component in discovery["components"].items()
    if component["platform"] != "button"
}
for message in document["messages"]:
    topic, payload = message["topic"], message["payload"]
    for availability in discovery["availability"]:
        if topic == availability["topic"]:
            for entity in entities.values():
                if payload == availability["payload_available"]:
                    entity["available"] = True
                elif payload == availability["payload_not_available"]:
                    entity["available"] = False
    for key, entity in entities.items():
        component = discovery["components"][key]
        try:
            if component["state_topic"] == topic:
                result = render(component["value_template"], payload, entity["state"])
                if component["platform"] == "event":
                    event = json.loads(result)
                    kind = event.pop("event_type")
                    check(kind in component["event_types"], f"{key}: event type {kind}")
                    entity["state"], entity["attributes"] = kind, event
                else:
                    if component["platform"] == "binary_sensor":
                        check(result in ("ON", "OFF"), f"{key}: {result}")
                    if component.get("device_class") == "enum":
                        check(result in component["options"], f"{key}: {result} is no option")
                    if "unit_of_measurement" in component and result != "None":
                        float(result)
                    check(len(result) <= 255, f"{key}: a state of {len(result)} characters")
                    entity["state"] = "unknown" if result == "None" else result
            if component.get("json_attributes_topic") == topic:
                attributes = json.loads(render(component["json_attributes_template"], payload, entity["state"]))
                check(isinstance(attributes, dict), f"{key}: attributes are no object")
                entity["attributes"] = attributes
        except (jinja2.TemplateError, ValueError, TypeError) as error:
            refuse(f"{key}: {topic}: {error!r}")

for key, component in discovery["components"].items():
    if component["platform"] == "button":
        entities[key] = {"topic": component["command_topic"], "payload": component.get("payload_press", "PRESS")}
print(json.dumps(entities, sort_keys=True))
