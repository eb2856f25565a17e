namespace BorgStore;

/// <summary>When a stored value is safe from a power cut. Whatever is chosen, a reader never sees half a value.</summary>
public enum Durability
{
    /// <summary>Values are on disk when a flush or the closing of the store returns, and at the latest a second after they were written.</summary>
    Batch,

    /// <summary>Each value and its directory are on disk before the store operation returns.</summary>
    Each,

    /// <summary>The system writes values out when it likes.</summary>
    None,
}
