namespace BorgStore;

/// <summary>When a stored value is safe from a power cut. In every mode, a reader sees a value completely or not at all.</summary>
public enum Durability
{
    /// <summary>Values are on disk when a flush or the disposal of the store returns, and at the latest a second after they were written.</summary>
    Batch,

    /// <summary>Each value and its directory are on disk before the store operation returns.</summary>
    Each,

    /// <summary>The operating system decides when to write values to disk.</summary>
    None,
}
