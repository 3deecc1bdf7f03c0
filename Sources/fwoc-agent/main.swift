print("fwoc-agent")
