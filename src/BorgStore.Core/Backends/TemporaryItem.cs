namespace BorgStore.Backends;

/// <summary>Something unfinished that a crash left in the storage: a <c>.tmp</c> file, an upload without an end.</summary>
/// <param name="Id">What the backend knows it by; for files the path below the store.</param>
/// <param name="Size">Its size [bytes].</param>
/// <param name="LastWriteTime">When it was last written to (UTC).</param>
public readonly record struct TemporaryItem(string Id, long Size, DateTime LastWriteTime)
{
    /// <summary>Returns the latest time that something was last written to which is as old as this. No age is that of everything, also of
    /// what was written by a clock that is ahead of this one.</summary>
    /// <param name="age">How long nothing was written to it.</param>
    public static DateTime FindLatest(TimeSpan age)
    {
        if (age <= TimeSpan.Zero) return DateTime.MaxValue;
        var now = DateTime.UtcNow;
        return age < now - DateTime.MinValue ? now - age : DateTime.MinValue;
    }
}
