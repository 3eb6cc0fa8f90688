"""Regions and zones."""

from ..refusal import Refused
from .base import action, filtered


@action("DescribeRegions")
def describe_regions(call, asked):
    entries = [
        {"RegionName": name, "Endpoint": f"ec2.{name}.amazonaws.com", "OptInStatus": "opt-in-not-required"} for name in call.lab.regions
    ]
    wanted = asked.get("RegionNames")
    unknown = set(wanted or []) - set(call.lab.regions)
    if unknown:
        raise Refused("InvalidParameterValue", f"Invalid region: {sorted(unknown)[0]}")
    entries = [entry for entry in entries if not wanted or entry["RegionName"] in wanted]
    fields = {
        "region-name": lambda entry: entry["RegionName"],
        "endpoint": lambda entry: entry["Endpoint"],
        "opt-in-status": lambda entry: entry["OptInStatus"],
    }
    return {"Regions": filtered(entries, asked.get("Filters"), fields)}


@action("DescribeAvailabilityZones")
def describe_zones(call, asked):
    entries = [
        {
            "ZoneName": zone,
            "ZoneId": call.region.zone_id(zone),
            "RegionName": call.region.name,
            "State": "available",
            "OptInStatus": "opt-in-not-required",
            "ZoneType": "availability-zone",
            "GroupName": call.region.name,
        }
        for zone in call.region.zones
    ]
    for asks, member in (("ZoneNames", "ZoneName"), ("ZoneIds", "ZoneId")):
        if asked.get(asks):
            entries = [entry for entry in entries if entry[member] in asked[asks]]
            if len(entries) < len(asked[asks]):
                raise Refused("InvalidParameterValue", f"Invalid availability zone: {asked[asks]}")
    fields = {
        "zone-name": lambda entry: entry["ZoneName"],
        "zone-id": lambda entry: entry["ZoneId"],
        "region-name": lambda entry: entry["RegionName"],
        "state": lambda entry: entry["State"],
        "zone-type": lambda entry: entry["ZoneType"],
    }
    return {"AvailabilityZones": filtered(entries, asked.get("Filters"), fields)}
