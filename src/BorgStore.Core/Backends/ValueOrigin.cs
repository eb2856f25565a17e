namespace BorgStore.Backends;

/// <summary>Where a value is, for a storage that may be able to copy it by itself: see <see cref="IBackend.CopyFromAsync"/>.</summary>
/// <param name="Storage">The storage itself, without the backends that wrap it. It is open.</param>
/// <param name="Name">The nested name of the item in it.</param>
public sealed record ValueOrigin(IBackend Storage, string Name);
