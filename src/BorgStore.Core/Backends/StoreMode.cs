namespace BorgStore.Backends;

/// <summary>What to do where an item of the name already exists.</summary>
public enum StoreMode
{
    /// <summary>Replace it.</summary>
    Overwrite,

    /// <summary>Leave it as it is and fail with <see cref="StoreError.ObjectAlreadyExists"/>, decided by the storage itself where it can.</summary>
    CreateNew,
}
