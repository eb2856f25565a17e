namespace BorgStore.Backends;

/// <summary>Something unfinished that a crash left in the storage: a <c>.tmp</c> file, an upload without an end.</summary>
/// <param name="Id">What the backend knows it by; for files the path below the store.</param>
/// <param name="Size">Its size [bytes].</param>
/// <param name="LastWriteTime">When it was last written to (UTC).</param>
public readonly record struct TemporaryItem(string Id, long Size, DateTime LastWriteTime);
