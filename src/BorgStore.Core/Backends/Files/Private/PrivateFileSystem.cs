using Microsoft.Win32.SafeHandles;

namespace BorgStore.Backends.Files.Private;

/// <summary>File system calls on a folder that only its user may change, such as a cache: see <see cref="PrivateFolder"/>.</summary>
/// <param name="inner">The actual calls.</param>
/// <param name="root">The absolute path of the folder.</param>
internal sealed class PrivateFileSystem(FileSystem inner, string root) : DelegatingFileSystem(inner)
{
    private readonly PrivateFolder _folder = new(root);

    // Nobody asks when something in the folder was soft-deleted.
    public override bool DatesRenames => false;

    public override FileStatus? GetStatus(string name) => Inner.GetStatus(Item(name));

    public override SafeFileHandle? OpenFile(string name, out FileStatus status) => Inner.OpenFile(Item(name), out status);

    public override SafeFileHandle? OpenFile(string name) => Inner.OpenFile(Item(name));

    public override SafeFileHandle? OpenInternal(string name) => Inner.OpenInternal(Item(name));

    public override SafeFileHandle? CreateFile(string name) => Inner.CreateFile(Name(name));

    public override RenameResult Rename(string name, string newName, StoreMode mode) => Inner.Rename(Name(name), Name(newName), mode);

    public override bool Delete(string name) => Inner.Delete(Name(name));

    public override MakeDirectoryResult MakeDirectory(string name) => Inner.MakeDirectory(Name(name));

    public override bool RemoveDirectory(string name) => Inner.RemoveDirectory(Name(name));

    public override DirectoryReader? ReadDirectory(string name) => Inner.ReadDirectory(Item(name));

    // For calls that access the target of the name.
    private string Item(string name)
    {
        _folder.CheckItem(name);
        return name;
    }

    // For calls that add or remove the name itself; only the directories above it are followed.
    private string Name(string name)
    {
        _folder.CheckDirectories(name);
        return name;
    }
}
