using BorgStore.Security;

namespace BorgStore.Server.Access;

/// <summary>The rights of a user to one store.</summary>
/// <param name="IsVisible">Whether the user may know that the store exists.</param>
/// <param name="Permissions">The permissions in the store, or <see langword="null"/> if everything is allowed.</param>
internal readonly record struct StoreRights(bool IsVisible, PermissionMap? Permissions)
{
    public static readonly StoreRights None = new(false, null);

    public static readonly StoreRights Everything = new(true, null);
}
