using BorgStore.Backends.Sftp.Packets;

namespace BorgStore.Backends.Sftp.Listing;

/// <summary>A file or directory as the listing of its directory tells it.</summary>
/// <param name="Name">The name in that directory.</param>
/// <param name="Attributes">What is known of it.</param>
internal readonly record struct Entry(string Name, ItemAttributes Attributes);
