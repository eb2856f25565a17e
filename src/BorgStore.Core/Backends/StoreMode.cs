namespace BorgStore.Backends;

/// <summary>What to do if there is already an item of the name.</summary>
public enum StoreMode
{
    /// <summary>Replace it.</summary>
    Overwrite,

    /// <summary>Keep it and throw <see cref="StoreError.ObjectAlreadyExists"/>. The storage itself decides atomically if it can.</summary>
    CreateNew,
}
