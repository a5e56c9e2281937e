"""What two clouds show of themselves: who has which records, and who serves."""

from tests.kit.clouds import Clouds

FAR = "catalog.gcp"
"""What is called across."""


async def shown(clouds: Clouds, zone: str) -> dict[str, set[str]]:
    """The ZoneServices of a zone as each control plane has them."""
    systems = {"azure": clouds.azure.system, "gcp": clouds.gcp.system, "hub": clouds.hub}
    found = {}
    for name, system in systems.items():
        objects = (await system.client.list("ZoneService")).items
        found[name] = {one["metadata"]["name"] for one in objects if one["spec"]["zone"] == zone}
    return found


async def until_all_show(clouds: Clouds, zone: str, *services: str) -> float:
    """Returns the seconds until everybody has these of a zone, and no others."""
    expected = {f"{one}.{zone}" for one in services}

    async def agreed() -> bool:
        return all(names == expected for names in (await shown(clouds, zone)).values())

    return await clouds.hub.until(agreed, f"all show {sorted(expected)}")


async def permissions(clouds: Clouds) -> dict[str, set[str]]:
    """The TrafficPermissions in `shop` as each control plane has them."""
    systems = {"azure": clouds.azure.system, "gcp": clouds.gcp.system, "hub": clouds.hub}
    return {
        name: {
            one["metadata"]["name"] for one in (await system.client.list("TrafficPermission")).items
        }
        for name, system in systems.items()
    }  # fmt: skip


async def serves_again(clouds: Clouds, name: str) -> None:
    """Returns when the agent of gcp has started another proxy, and that has its configuration."""

    async def is_there() -> bool:
        proxies = (await clouds.gcp.system.review())["proxies"]
        found = [one for one in proxies if f"shop/{name}" in (one["gateway"], one["workload"])]
        return any(one["connected"] and one["synced"] for one in found)

    async def runs() -> bool:
        try:
            return clouds.gcp.proxy(name).is_running()
        except StopIteration:
            return False

    await clouds.gcp.system.until(runs, f"{name} runs again")
    await clouds.gcp.system.until(is_there, f"{name} is in sync again")
