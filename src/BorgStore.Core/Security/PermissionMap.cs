namespace BorgStore.Security;

/// <summary>What may be done under which names.</summary>
public sealed class PermissionMap
{
}
