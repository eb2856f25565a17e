using BorgStore.Backends.Sftp.Packets;

namespace BorgStore.Backends.Sftp.Listing;

/// <summary>A file or directory in the listing of its directory.</summary>
/// <param name="Name">The name in that directory.</param>
/// <param name="Attributes">Its attributes.</param>
internal readonly record struct Entry(string Name, ItemAttributes Attributes);
