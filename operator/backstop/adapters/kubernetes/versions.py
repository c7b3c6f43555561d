"""Resource versions. Those of one resource can be compared: promised since Kubernetes 1.35, and true long before."""


def version_number(resource_version: object) -> int | None:
    """Return the version as a number; None when it is missing or not one, and nothing can be said about its age."""
    if isinstance(resource_version, str) and resource_version.isascii() and resource_version.isdigit():
        return int(resource_version)
    return None
